"""A connection whose making is broken off."""

import asyncio
from typing import Any

import pytest
from infra.eventually import eventually
from infra.postgres import Databases, settings

from sendto.runtime import database
from sendto.runtime.database import Database


async def test_it_is_closed_when_who_asked_for_it_is_cancelled(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: asyncio.Queue[Any] = asyncio.Queue()

    async def takes_for_ever(connection: Any) -> None:
        made.put_nowait(connection)
        await asyncio.Event().wait()

    monkeypatch.setattr(database, "set_codecs", takes_for_ever)
    async with databases.empty() as url:
        asking = asyncio.create_task(Database(settings(url), application_name="test").direct())
        connection = await asyncio.wait_for(made.get(), 30)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        async def closed() -> bool:
            return bool(connection.is_closed())

        await eventually(closed)
