"""How many statements a delivery costs, counted; time plays no part."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncpg.connection import LoggedQuery
from infra.engine import Scripted, engine_settings, provider, running, until
from infra.lanes import Lanes

from sendto.runtime import database as runtime
from sendto.runtime.database import Database
from sendto.runtime.settings import DatabaseSettings
from sendto.sdk import Applied, Command, Http, Outcome

_LANES = 3_000
_BATCH = 500


class _AtOnce(Scripted):
    """A provider that takes everything, and a moment for it."""

    async def apply(self, command: Command, http: Http) -> Outcome:
        del command, http
        await asyncio.sleep(0.005)
        return Applied()


@pytest.fixture
def statements() -> list[str]:
    """What PostgreSQL was asked for, transactions' beginnings and ends included."""
    return []


@pytest.fixture
async def counted(
    dispatch_database: Database, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lanes]:
    """The lanes of a new database, over connections that tell what they are asked for."""
    prepare = runtime.set_codecs

    async def prepare_and_listen(connection: runtime.DirectConnection) -> None:
        await prepare(connection)
        connection.add_query_logger(lambda query: _note(query, statements))

    monkeypatch.setattr(runtime, "set_codecs", prepare_and_listen)
    database = Database(DatabaseSettings(database_url=dispatch_database.url), application_name="counted")
    yield Lanes(database)
    await database.close()


def _note(query: LoggedQuery, statements: list[str]) -> None:
    statements.append(query.query)


async def test_under_full_load_a_delivery_costs_a_tenth_of_a_statement_at_most(
    lanes: Lanes, counted: Lanes, statements: list[str]
) -> None:
    for first in range(1, _LANES, _BATCH):
        await counted.take([counted.event(order_id, 1) for order_id in range(first, first + _BATCH)])
    nowhere = provider("http://127.0.0.1:9", adapter=_AtOnce("http://127.0.0.1:9"), limits={"concurrency": 256})
    async with running(counted, [nowhere], settings=engine_settings(poll_interval_s=30)):
        await until(lanes, "due_at IS NULL", _LANES)

    assert len(statements) / _LANES <= 0.1
