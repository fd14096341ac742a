"""The provider's HTTP interface: routing, checking, misbehaving as told. A plain ASGI application, for speed."""

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote

from pydantic import BaseModel, ConfigDict, ValidationError

from sendto_sandbox.behaviour import Behaviour, Bucket, Fault, Treatment, decide
from sendto_sandbox.connection import reset
from sendto_sandbox.store import Store, Write, recipient_state

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_MAX_BODY_BYTES = 262_144
_MAX_PAGE = 1_000
_PLACE = re.compile(r"^/v1/recipients/([^/]{1,200})$")
_PAGE = files("sendto_sandbox").joinpath("page.html").read_bytes()
_PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


class Refused(Exception):  # noqa: N818 - named for what happened
    """A request that gets an error as its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoAnswer(Exception):  # noqa: N818 - named for what happens
    """A request that gets no answer: its connection is reset, or it hangs until the caller gives up."""

    def __init__(self, *, resets: bool) -> None:
        super().__init__("reset" if resets else "hang")
        self.resets = resets


class Recipient(BaseModel):
    """What a write must hold."""

    model_config = ConfigDict(extra="ignore", strict=True)

    reference: str | None = None
    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    order: dict[str, Any] | None = None
    version: int | None = None


class SandboxProvider:
    """The ASGI application of `/v1/…` and of the page."""

    def __init__(self, store: Store, *, token: str | None) -> None:
        self._store = store
        self._token = token
        self._behaviour = Behaviour()
        self._bucket: Bucket | None = None
        self._late = asyncio.Event()

    def want(self, token: str) -> None:
        """Let nobody in but with this token from now on."""
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, body, headers = await self._answer(scope, receive)
        except Refused as refused:
            status, body, headers = refused.status, _json({"error": str(refused)}), {}
        except NoAnswer as silence:
            if silence.resets:
                reset(scope)
            while (await receive())["type"] != "http.disconnect":
                continue
            return
        await _respond(send, status, body, headers)

    async def run(self) -> None:
        """Apply what is saved late, when its time has come; blocks until cancelled."""
        while True:
            upcoming = self._store.apply_late(time.time())
            try:
                async with asyncio.timeout(None if upcoming is None else max(0.0, upcoming - time.time())):
                    await self._late.wait()
                self._late.clear()
            except TimeoutError:
                continue

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, dict[str, str]]:
        method, path = scope["method"], scope["path"]
        if path == "/" and method in {"GET", "HEAD"}:
            return 200, _PAGE, _PAGE_HEADERS
        headers = dict(scope["headers"])
        self._authorize(headers)
        if method == "GET":
            return 200, _json(self._read(path, parse_qs(scope["query_string"].decode()))), {}
        body = await _body(receive)
        if (method, path) == ("PUT", "/v1/behaviour"):
            return 200, _json(self._behave(body)), {}
        write = _write(method, path, headers, body)
        return await self._carry_out(write)

    def _authorize(self, headers: dict[bytes, bytes]) -> None:
        if self._token is not None and headers.get(b"authorization") != f"Bearer {self._token}".encode():
            raise Refused(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong")

    def _read(self, path: str, query: dict[str, list[str]]) -> Any:  # noqa: ANN401 - JSON
        if place := _PLACE.match(path):
            found = self._store.get(unquote(place.group(1)))
            if found is None:
                raise Refused(HTTPStatus.NOT_FOUND, "no such recipient")
            return found
        match path:
            case "/v1/recipients":
                data = self._store.page(_number(query, "cursor", 0), _limit(query))
                return {"data": data, "next_cursor": data[-1]["id"] if data else None}
            case "/v1/log":
                return {"data": self._store.log(_number(query, "after", 0), _limit(query))}
            case "/v1/overview":
                newest, last = self._store.newest(_limit(query, 50)), self._store.last_log(30)
                return {"count": self._store.count(), "newest": newest, "log": last}
            case "/v1/behaviour":
                return self._behaviour.model_dump()
            case _:
                raise Refused(HTTPStatus.NOT_FOUND, "no such path")

    def _behave(self, body: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            self._behaviour = Behaviour.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, _problems(error)) from None
        limit = self._behaviour.rate_limit
        self._bucket = Bucket(limit) if limit else None
        return self._behaviour.model_dump()

    async def _carry_out(self, write: Write) -> tuple[int, bytes, dict[str, str]]:
        """One write: rate limit, fault, latency, effect."""
        if self._bucket is not None and (wait_s := self._bucket.take(time.monotonic())):
            self._store.record_only(write, fault="rate_limit", status=429)
            return 429, _json({"error": "slow down"}), {"retry-after": str(max(1, round(wait_s)))}
        behaviour = self._behaviour
        treatment = decide(behaviour, write.method, write.reference, random.random())  # noqa: S311 - a dice
        if treatment.fault is Fault.HANG:
            self._store.record_only(write, fault="hang", status=None)
            raise NoAnswer(resets=False)
        if behaviour.latency_s:
            await asyncio.sleep(behaviour.latency_s)
        if treatment.fault is Fault.RESET:
            self._store.record_only(write, fault="reset", status=None)
            raise NoAnswer(resets=True)
        if treatment.fault is Fault.ANSWER and treatment.status:
            self._store.record_only(write, fault="answer", status=treatment.status)
            retry = {"retry-after": behaviour.retry_after} if behaviour.retry_after else {}
            return treatment.status, _json({"error": "as told"}), retry
        after_s = behaviour.save_late_s if behaviour.concerns(write.method, write.reference) else 0.0
        if after_s or self._store.waits(write.reference):
            return self._later(write, treatment, after_s)
        return self._apply(write, treatment)

    def _later(self, write: Write, treatment: Treatment, after_s: float) -> tuple[int, bytes, dict[str, str]]:
        """Answer now, apply later; whatever comes for the same reference meanwhile waits behind it."""
        status = treatment.status or (HTTPStatus.CREATED if write.method == "POST" else HTTPStatus.OK)
        self._store.put_off(
            write,
            until=time.time() + after_s,
            status=status if treatment.answers else None,
            accept_duplicates=self._behaviour.accept_duplicates,
        )
        self._late.set()
        if not treatment.answers:
            raise NoAnswer(resets=True)
        return status, _json({"reference": write.reference}), {}

    def _apply(self, write: Write, treatment: Treatment) -> tuple[int, bytes, dict[str, str]]:
        effect = self._store.apply(
            write,
            accept_duplicates=self._behaviour.accept_duplicates,
            fault=treatment.fault,
            status=treatment.status,
        )
        if not treatment.answers:
            raise NoAnswer(resets=True)
        status = treatment.status or effect.status
        return status, _json({"id": effect.object_id, "reference": write.reference, "effect": effect.kind}), {}


def _write(method: str, path: str, headers: dict[bytes, bytes], body: bytes) -> Write:
    place = _PLACE.match(path)
    common: dict[str, Any] = {
        "generation": _header_number(headers, b"x-sendto-generation"),
        "idempotency_key": headers.get(b"idempotency-key", b"").decode("latin-1") or None,
        "host": headers.get(b"host", b"").decode("latin-1") or None,
    }
    if method == "DELETE" and place:
        version = _header_number(headers, b"x-sendto-version")
        return Write(method=method, reference=unquote(place.group(1)), version=version, **common)
    if not ((method == "PUT" and place) or (method == "POST" and path == "/v1/recipients")):
        raise Refused(HTTPStatus.NOT_FOUND, "no such path")
    try:
        recipient = Recipient.model_validate_json(body)
    except ValidationError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, _problems(error)) from None
    reference = unquote(place.group(1)) if place else recipient.reference
    if not reference:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "reference: is required")
    state = recipient_state(recipient.model_dump())
    return Write(method=method, reference=reference, state=state, version=recipient.version, **common)


def _header_number(headers: dict[bytes, bytes], name: bytes) -> int | None:
    value = headers.get(name, b"")
    return int(value) if value.isdigit() else None


def _number(query: dict[str, list[str]], name: str, default: int) -> int:
    value = query.get(name, [str(default)])[0]
    if not value.isdigit():
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name}: is not a number")
    return int(value)


def _limit(query: dict[str, list[str]], default: int = 100) -> int:
    return min(max(_number(query, "limit", default), 1), _MAX_PAGE)


def _problems(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems)


def _json(value: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps(value).encode()


async def _body(receive: Receive) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Refused(HTTPStatus.BAD_REQUEST, "the request broke off")
        chunks.append(event.get("body", b""))
        size += len(chunks[-1])
        if size > _MAX_BODY_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        more = event.get("more_body", False)
    return b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(body))} | headers
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
