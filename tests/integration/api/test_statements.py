"""How many statements a call costs: at most three in a write's one transaction, and never one more for each row."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery
from infra.bodies import customer, order
from infra.serving import Caller, served
from integration.api.conftest import MakeToken
from pydantic import SecretStr

import sendto.runtime.database as runtime
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.settings import ApiSection, ApiSettings

MOST_IN_A_WRITE = 3
_HOUSEKEEPING = (
    "pg_notify",
    "pg_advisory_unlock_all",
    "DELETE FROM idempotency_key",
    "LISTEN",
    "pg_catalog",
    "set_config",
)
KEY = {"Idempotency-Key": "k"}
ADDRESS = {"address_1": "1 High Street", "city": "London", "country": "GB"}
TOTALS = [{"code": str(number), "title": "x", "value": 1} for number in range(20)]
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "", order(customer=customer(), address=ADDRESS, order_totals=TOTALS, status_id=1)),
    ("PATCH", "/{id}", {"comment": "x", "status_id": 4, "address": ADDRESS}),
    ("PATCH", "/{id}", {}),
    ("PUT", "/{id}/customer", customer(first_name="Jane")),
    ("PUT", "/{id}/customer", customer()),
    ("PATCH", "/{id}/customer", {"last_name": "Doe"}),
    ("DELETE", "/{id}/customer", None),
    ("DELETE", "/{id}", None),
]
READS = ["/{id}", "/{id}/customer", "/{id}/waiting-events"]


class Statements(list[str]):
    """The statements of the API's pool, with what begins and ends transactions, without housekeeping."""

    def of_one_write(self) -> list[str]:
        """What stands between the one BEGIN and the one COMMIT; without both, only the last one may change anything."""
        if not any(text.startswith("BEGIN") for text in self):
            assert [text for text in self if "INSERT" in text or "UPDATE" in text] == self[-1:]
            return self
        begins = [place for place, text in enumerate(self) if text.startswith("BEGIN")]
        ends = [place for place, text in enumerate(self) if text.startswith("COMMIT")]
        assert len(begins) == len(ends) == 1, self
        assert (begins[0], ends[0]) == (0, len(self) - 1), self
        return self[1:-1]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Listens to every connection that is opened from now on."""
    heard = Statements()
    codecs = runtime.set_codecs

    def hear(logged: LoggedQuery) -> None:
        text = logged.query.strip()
        if not any(word in text for word in _HOUSEKEEPING):
            heard.append(text)

    async def listening(connection: Any) -> None:
        await codecs(connection)
        connection.add_query_logger(hear)

    monkeypatch.setattr(runtime, "set_codecs", listening)
    return heard


@pytest.fixture
async def heard_api(statements: Statements, api_url: str, make_token: MakeToken) -> AsyncIterator[Caller]:
    """An API whose statements are heard; its token is known already."""
    section = ApiSection(database_url=SecretStr(api_url), port=0, token_cache_s=60)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        caller = Caller(url, await make_token("*"))
        await caller("GET", "/v3/orders")
        statements.clear()
        yield caller
        await caller.close()


async def _order(api: Caller, statements: Statements, **more: Any) -> int:
    made = await api("POST", "/v3/orders", order(customer=customer(), **more))
    statements.clear()
    return int(made.json["order_id"])


@pytest.mark.parametrize("headers", [{}, KEY], ids=["plain", "repeatable"])
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_is_one_transaction_of_at_most_three_statements(
    heard_api: Caller, statements: Statements, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    order_id = await _order(heard_api, statements)

    reply = await heard_api(method, "/v3/orders" + path.format(id=order_id), body, headers)

    assert reply.status in {200, 201}, reply.content
    assert 0 < len(statements.of_one_write()) <= MOST_IN_A_WRITE


async def test_a_repeated_write_is_one_statement(heard_api: Caller, statements: Statements) -> None:
    await heard_api("POST", "/v3/orders", order(), KEY)
    statements.clear()

    again = await heard_api("POST", "/v3/orders", order(), KEY)

    assert again.headers["idempotency-replayed"] == "true"
    assert len([text for text in statements if not text.startswith(("BEGIN", "ROLLBACK"))]) == 1


@pytest.mark.parametrize("path", READS)
async def test_a_read_is_one_statement(heard_api: Caller, statements: Statements, path: str) -> None:
    order_id = await _order(heard_api, statements, address=ADDRESS, order_totals=TOTALS)

    assert (await heard_api("GET", "/v3/orders" + path.format(id=order_id))).status == 200
    assert len(statements) == 1


@pytest.mark.parametrize("include", ["", "&include=customer,address,status_history"])
async def test_a_list_is_two_statements_however_long(heard_api: Caller, statements: Statements, include: str) -> None:
    for _ in range(12):
        await _order(heard_api, statements, address=ADDRESS, order_totals=TOTALS, status_id=1)

    page = await heard_api("GET", f"/v3/orders?pageLimit=10{include}")
    counted = len(statements)
    statements.clear()
    cursor = page.json["meta"]["next_cursor"]
    after = await heard_api("GET", f"/v3/orders?pageLimit=10&cursor={cursor}{include}")

    assert (len(page.json["data"]), len(after.json["data"])) == (10, 2)
    assert (counted, len(statements)) == (2, 1)
