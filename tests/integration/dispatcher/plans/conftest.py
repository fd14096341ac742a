"""A dispatcher's database with a million lanes, and a connection that looks at every statement's plan."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
from infra.explain import Explaining
from infra.filled import fill
from infra.postgres import Databases, connected

from sendto.runtime.database import Connection, Database, unbound

LANES = 1_000_000


@pytest.fixture(scope="session")
async def million_url(databases: Databases) -> AsyncIterator[str]:
    """A database with a million lanes."""
    async with databases.migrated("dispatcher") as url:
        async with connected(url) as database:
            connection = await database.direct()
            await fill(connection, LANES)
            await connection.close()
        yield url


@pytest.fixture
async def million(million_url: str) -> AsyncIterator[Database]:
    """The same, as our code uses it."""
    async with connected(million_url) as database:
        yield database


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def explaining(million: Database, request: pytest.FixtureRequest) -> AsyncIterator[Explaining]:
    """A connection in a transaction that is undone, which looks at every statement, with each kind of plan."""
    async with million.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await unbound(connection)  # a million rows are looked at in it, on whatever machine
            await connection.execute(f"SET LOCAL plan_cache_mode = {request.param}")
            yield Explaining(connection)
        finally:
            await transaction.rollback()


@pytest.fixture
def explained(explaining: Explaining) -> Connection:
    """The same, for those who want a connection."""
    return cast("Connection", explaining)
