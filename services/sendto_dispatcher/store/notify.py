"""Telling the other replicas that lanes are due: one NOTIFY for all commits of some milliseconds.

Never inside a transaction that writes: NOTIFY takes a lock of the whole database at commit. Rule 35.
"""

import asyncio

from sendto.runtime.database import Database, DatabaseAway

CHANNEL = "sendto_lane"
_SPACING_S = 0.01


class Notifier:
    """Coalesces wake-ups into NOTIFY."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = asyncio.Event()

    def __call__(self) -> None:
        """Lanes have become due."""
        self._wanted.set()

    async def run(self) -> None:
        """Notify until cancelled; without the database nothing is lost, the engine looks by itself."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                async with self._database.connection() as connection:
                    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
            except DatabaseAway:
                continue
            finally:
                await asyncio.sleep(_SPACING_S)
