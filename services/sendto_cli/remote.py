"""Calling the services over HTTP, as any of their users does."""

import os
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import uvloop
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from sendto_cli.errors import CommandFailed
from sendto_cli.home import read_run

T = TypeVar("T")
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    """names in lower case"""
    body: Any
    """JSON; None if it was none"""


class Remote:
    """One service, and who we are to it.

    Args:
        name: what to call it in errors.
        url: where it is.
        token: the bearer token.
    """

    def __init__(self, name: str, url: str, token: str) -> None:
        self.name = name
        self._url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = (
            ClientBuilder()
            .default_headers(headers)
            .no_proxy()
            .timeout(timedelta(seconds=_TIMEOUT_S))
            .user_agent("sendto-command")
            .build()
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.close()

    async def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request.

        Raises:
            CommandFailed: the service cannot be reached, or does not take the token.
        """
        request = self._client.request(method, self._url + path).headers(dict(headers or {}))
        if body is not None:
            request = request.header("content-type", "application/json").body_bytes(msgspec.json.encode(body))
        try:
            response = await request.build().send()
            content = bytes(await response.bytes())
        except PyreqwestError as error:
            raise CommandFailed(f"the {self.name} at {self._url} cannot be reached ({type(error).__name__})") from None
        named = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status, named, _json(content))
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise CommandFailed(f"the {self.name} refuses the token: {_detail(answer)}")
        return answer

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """What lies at a path; None if nothing does.

        Raises:
            CommandFailed: as `call`, or any other answer than 200 and 404.
        """
        answer = await self.call("GET", path)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise CommandFailed(f"the {self.name} answered {answer.status}: {_detail(answer)}")
        return answer.body

    async def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """What the service answers to a request that changes something; None if it says nothing.

        Raises:
            CommandFailed: it refuses, or fails; with its words.
        """
        answer = await self.call("POST", path, {} if body is None else body)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise CommandFailed(_detail(answer))
        return answer.body


def api(home: Path | None) -> Remote:
    """The API: as `SENDTO_API_URL` and `SENDTO_API_TOKEN` say, else of the running system."""
    url = None if home else os.environ.get("SENDTO_API_URL")
    if url:
        return Remote("API", url, os.environ.get("SENDTO_API_TOKEN", ""))
    run = read_run(home)
    return Remote("API", run.api_url, run.token)


def dispatcher(home: Path | None) -> Remote:
    """The dispatcher's ops API: as `SENDTO_DISPATCHER_URL` and `SENDTO_OPS_TOKEN` say, else of the running system."""
    url = None if home else os.environ.get("SENDTO_DISPATCHER_URL")
    if url:
        return Remote("dispatcher", url, os.environ.get("SENDTO_OPS_TOKEN", ""))
    run = read_run(home)
    return Remote("dispatcher", run.dispatcher_url, run.ops_token)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    return uvloop.run(work)


def _json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None


def _detail(answer: Answer) -> str:
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    if isinstance(detail, list):  # a request that the service does not understand
        return "; ".join(f"{'.'.join(map(str, one.get('loc', [])))}: {one.get('msg')}" for one in detail)
    return str(detail) if detail else f"status {answer.status}"
