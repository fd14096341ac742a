"""Waking a loop by NOTIFY, through a connection of its own, outside the pool."""

import asyncio
from collections.abc import Callable

from sendto.runtime.database import AWAY, Database, DatabaseAway
from sendto.runtime.logs import logger

_AGAIN_S = 1.0
_ALIVE_S = 15.0

_log = logger(__name__)


async def listen(database: Database, channel: str, wake: Callable[[], None]) -> None:
    """Call `wake` at every NOTIFY, and once after each new connection, for what was missed. Blocks until cancelled."""
    while True:
        try:
            await _listen_once(database, channel, wake)
        except (DatabaseAway, *AWAY):
            _log.warning("listen_lost", channel=channel)
        await asyncio.sleep(_AGAIN_S)


async def _listen_once(database: Database, channel: str, wake: Callable[[], None]) -> None:
    connection = await database.direct()
    try:
        await connection.add_listener(channel, lambda *_: wake())
        wake()
        while True:
            await asyncio.sleep(_ALIVE_S)
            await connection.execute("SELECT 1")
    finally:
        connection.terminate()


class Wake:
    """A wake-up that is not lost when it comes before the wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Wake the one who waits, now or next."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait for a wake-up, but no longer than this."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
