"""Keeps the lanes counted while someone looks: in short steps, with long pauses, for the whole fleet."""

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database
from sendto.runtime.listen import Wake
from sendto_dispatcher.ops.stepping import NEXT_S, keep_stepping
from sendto_dispatcher.store.census import count_some

_EVERY_S = 1.0
_PAUSE = 24.0
"""pauses are so many times as long as steps: counting takes at most a twenty-fifth of the time"""
_LOOKED_AT_S = 60.0
"""so long after the last look counting goes on"""


class LaneCensus:
    """Takes steps of counting: one when someone asks, if it is time, and more in between."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wake = Wake()
        self._until_s = self._next_at_s = 0.0

    async def look(self) -> None:
        """Someone looks: count what one step counts, which is everything where there is little.

        Raises:
            DatabaseAway: nothing can be counted.
        """
        now_s = self._clock.monotonic_s()
        if now_s >= self._until_s:
            self._wake()
        self._until_s = now_s + _LOOKED_AT_S
        if now_s >= self._next_at_s:
            await self._step()

    async def run(self) -> None:
        """Go on until cancelled."""
        await keep_stepping(self.run_once, self._wake, "census")

    async def run_once(self) -> float:
        """Take a step if someone has looked lately; seconds until the next try."""
        if self._clock.monotonic_s() >= self._until_s:
            return _LOOKED_AT_S
        return max(await self._step(), NEXT_S)

    async def _step(self) -> float:
        async def step(connection: Connection) -> float:
            return await count_some(connection, pause=_PAUSE, every_s=_EVERY_S)

        waits_s = await self._database.in_transaction(step)
        self._next_at_s = self._clock.monotonic_s() + waits_s
        return waits_s
