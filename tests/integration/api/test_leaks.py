"""Nothing leaks: not into answers to those who may not ask, not into errors, logs or metrics."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from infra.bodies import order
from infra.logs import logging_as
from infra.serving import Caller, Reply, served
from integration.api.conftest import MakeToken
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.settings import LogSettings
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.orders import store
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.store import find_token, token_hash

CANARY = "Canarybird"
EMAIL = "canarybird@nest.test"
PHONE = "+44 20 7946 0958"
PERSON = {"first_name": CANARY, "last_name": CANARY, "email": EMAIL}
ORDER = order(
    **PERSON,
    telephone=PHONE,
    comment=CANARY,
    address={"address_1": CANARY, "city": CANARY},
    customer=PERSON | {"mobile_number": PHONE},
)
MARKS = (CANARY.lower(), EMAIL, PHONE, PHONE.replace(" ", ""))
BAD_BODIES: list[Any] = [
    b'{"first_name": "Canarybird',
    [CANARY],
    {"first_name": CANARY * 50, "email": CANARY, "order_type": CANARY, "currency": CANARY, "payment": {"x": EMAIL}},
    {"customer": {"email": CANARY, "mobile_number": CANARY}, "address": {"country": CANARY, "city": [EMAIL]}},
    {"order_date_time": CANARY, "order_total": EMAIL, "order_totals": [{"code": {"x": CANARY}, "value": EMAIL}]},
    {"mobile_number": CANARY, "phone_number": EMAIL, "shipment_provider": "Canarybird!", "status_id": CANARY},
]
BAD_QUERIES = [
    "search=Canarybird%00",
    "sort=Canarybird",
    "cursor=Canarybird",
    "customer=Canarybird",
    "include=Canarybird",
]


def _traces(text: str) -> list[str]:
    return [mark for mark in (*MARKS, "traceback", 'file "', ".py", "asyncpg", "select ") if mark in text.lower()]


class Log:
    """Everything that the process has written to its standard output and error."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def text(self) -> str:
        """All of it."""
        written = self._capture.readouterr()
        self._text += written.out + written.err
        return self._text

    def lines(self) -> list[dict[str, Any]]:
        """The structured lines."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Iterator[Log]:
    """What the process logs, as a service writes it, at the finest level."""
    with logging_as("api", LogSettings(level="debug", format="json")):
        yield Log(capfd)


async def _every_error(api: Caller, path: str) -> list[Reply]:
    replies = [await api("GET", f"/v3/orders?{query}") for query in BAD_QUERIES]
    for body in BAD_BODIES:
        replies += [
            await api("POST", "/v3/orders", body),
            await api("PATCH", path, body),
            await api("PUT", f"{path}/customer", body),
            await api("PATCH", f"{path}/customer", body),
        ]
    strict = {"Prefer": "handling=strict"}
    replies += [
        await api("POST", f"{path}/customer", ORDER["customer"]),
        await api("POST", "/v3/orders", ORDER | {"Canary": 1}, {"If-Match": EMAIL, "Idempotency-Key": "x" * 300}),
        await api("PATCH", path, {"comment": CANARY, "hash": CANARY}, strict),
        await api("DELETE", path, ORDER, {"If-Match": EMAIL}),
        await api("POST", "/v3/orders", ORDER | {"comment": CANARY * 9_000}),
        await api("PUT", path, ORDER),
        await api("POST", "/v3/orders", b"first_name=Canarybird", {"Content-Type": "text/plain"}),
    ]
    return replies


async def test_canaries_come_back_in_no_error_log_or_metric(api: Caller, log: Log) -> None:
    made = await api("POST", "/v3/orders", ORDER)
    path = f"/v3/orders/{made.json['order_id']}"
    await api("GET", path)
    await api("GET", f"/v3/orders?search={EMAIL}&include=customer")
    await api("PATCH", f"{path}/customer", {"last_name": CANARY + "s"})

    replies = await _every_error(api, path)

    errors = [reply for reply in replies if reply.status >= 400]
    assert {reply.status for reply in errors} == {400, 405, 409, 412, 413, 415, 422}
    assert len(errors) > 25
    for reply in errors:
        assert _traces(reply.content.decode()) == [], reply.content
    assert _traces((await api("GET", "/metrics")).content.decode()) == []
    assert [mark for mark in MARKS if mark in log.text().lower()] == []


async def test_a_bug_is_told_without_its_text_and_logged_without_personal_data(
    api: Caller, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot store {CANARY} {EMAIL}")

    monkeypatch.setattr(store, "lock", fails)

    reply = await api("PATCH", "/v3/orders/1", {"comment": CANARY})

    assert (reply.status, reply.json["code"]) == (500, "internal_error")
    assert reply.headers["x-request-id"] == reply.json["request_id"]
    assert _traces(reply.content.decode()) == []
    [failed] = [line for line in log.lines() if line["event"] == "request_failed"]
    assert (failed["error"], failed["request_id"]) == ("RuntimeError", reply.json["request_id"])
    assert [mark for mark in MARKS if mark in log.text().lower()] == []


async def test_what_the_database_says_is_not_passed_on(api: Caller, api_database: Database, log: Log) -> None:
    """PostgreSQL's own texts repeat the row."""
    async with api_database.connection() as connection:
        await connection.execute("ALTER TABLE customer ADD CONSTRAINT odd CHECK (first_name <> 'Canarybird')")

    reply = await api("POST", "/v3/orders", ORDER)

    assert reply.status == 500
    assert _traces(reply.content.decode()) == []
    assert [mark for mark in MARKS if mark in log.text().lower()] == []


async def test_guessing_ids_without_permission_tells_nothing(api: Caller, make_token: MakeToken) -> None:
    made = (await api("POST", "/v3/orders", ORDER)).json["order_id"]
    writer = api.with_token(await make_token("orders_write", "orders_customer_write"))
    reader = api.with_token(await make_token("orders_read"))

    for below in ("", "/customer", "/waiting-events"):
        there = await writer("GET", f"/v3/orders/{made}{below}")
        missing = await writer("GET", f"/v3/orders/{made + 1}{below}")
        assert there.status == missing.status == 403
        assert _without_place(there) == _without_place(missing)
    for method in ("PATCH", "DELETE", "PUT"):
        there = await reader(method, f"/v3/orders/{made}/customer", {})
        missing = await reader(method, f"/v3/orders/{made + 1}/customer", {})
        assert there.status == missing.status == 403
        assert _without_place(there) == _without_place(missing)


def _without_place(reply: Reply) -> dict[str, Any]:
    return {name: value for name, value in reply.json.items() if name not in {"instance", "request_id"}}


async def test_a_token_is_compared_by_its_hash_only(api_database: Database, make_token: MakeToken) -> None:
    """So the time that it takes tells nothing of the token: what is looked up shares nothing with its neighbours."""
    token = await make_token("*")
    neighbour = token[:-1] + ("a" if token[-1] != "a" else "b")
    common = sum(one == other for one, other in zip(token_hash(token), token_hash(neighbour), strict=True))

    async with api_database.connection() as connection:
        assert await find_token(connection, token_hash(token)) is not None
        assert await find_token(connection, token_hash(neighbour)) is None
        assert await find_token(connection, token.encode()) is None
    assert common < 8


async def test_an_address_with_its_password_is_in_no_log(log: Log) -> None:
    section = ApiSection(database_url=SecretStr("postgresql://u:secretword@127.0.0.1:1/none"), port=0)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        caller = Caller(url, "sendto_token_of_nobody")
        reply = await caller("GET", "/v3/orders")
        await caller.close()

    assert reply.status == 503
    assert "secretword" not in log.text() + reply.content.decode()
    assert "sendto_token_of_nobody" not in log.text()
