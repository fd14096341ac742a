"""Keeps the lanes counted while someone looks, for the whole fleet."""

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database
from sendto_dispatcher.ops.looking import EVERY_S, PAUSE, Looking
from sendto_dispatcher.store.census import count_some


class LaneCensus(Looking):
    """Counts a stretch of lanes with each step: of few lanes, all."""

    what = "census"

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(clock)
        self._database = database

    async def step(self) -> float:
        """Count the next stretch; seconds until the one after it is due."""

        async def step(connection: Connection) -> float:
            return await count_some(connection, pause=PAUSE, every_s=EVERY_S)

        return await self._database.in_transaction(step)
