"""One system for all troubles."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from e2e.troubles.making import go_on, make
from e2e.troubles.stage import Stage, left_open, stage
from infra.postgres import Databases


@pytest.fixture(scope="module")
async def troubled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The system, with every trouble of providers and events in it; it ends with its module, as it costs a lot."""
    async with stage(tmp_path_factory.mktemp("troubles"), databases) as up, left_open(up.database_url) as somebody:
        await somebody.execute("SELECT 1 FROM provider_state WHERE provider = 'stuck' FOR UPDATE")
        await make(up)
        going_on = asyncio.create_task(_forever(up))
        yield up
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)


async def _forever(up: Stage) -> None:
    while True:
        await go_on(up)
        await asyncio.sleep(2)
