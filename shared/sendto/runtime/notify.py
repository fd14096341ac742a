"""Telling other processes by NOTIFY: one for all commits of some milliseconds.

Never inside a transaction that writes: NOTIFY takes a lock of the whole database at commit.
"""

import asyncio

from sendto.runtime.database import Database, DatabaseAway

_SPACING_S = 0.005


class Notifier:
    """Coalesces calls into NOTIFY on one channel."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._wanted = asyncio.Event()

    def __call__(self) -> None:
        """Something was committed."""
        self._wanted.set()

    async def run(self) -> None:
        """Notify until cancelled; without the database nothing is lost, listeners look by themselves."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                async with self._database.connection() as connection:
                    await connection.execute("SELECT pg_notify($1, '')", self._channel)
            except DatabaseAway:
                pass  # who listens looks by itself now and then
            await asyncio.sleep(_SPACING_S)
