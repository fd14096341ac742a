"""One system for all troubles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiokafka.errors import KafkaError
from e2e.troubles.making import go_on, make
from e2e.troubles.stage import Stage, left_open, stage
from infra.postgres import Databases

from sendto.runtime.database import DatabaseAway


@pytest.fixture(scope="module")
async def troubled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The system, with every trouble of providers and events in it; it ends with its module, as it costs a lot."""
    async with stage(tmp_path_factory.mktemp("troubles"), databases) as up, left_open(up.database_url) as somebody:
        await somebody.execute("SELECT 1 FROM provider_state WHERE provider = 'stuck' FOR UPDATE")
        await make(up)
        going_on = asyncio.create_task(_forever(up))
        yield up
        going_on.cancel()
        with suppress(asyncio.CancelledError):
            await going_on  # what has ended it before is said


async def _forever(up: Stage) -> None:
    while True:
        with suppress(KafkaError, DatabaseAway):  # tests make these troubles, too
            await go_on(up)
        await asyncio.sleep(2)
