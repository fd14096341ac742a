"""Keeps the lanes counted while someone looks: in short steps, with long pauses, for the whole fleet."""

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database
from sendto.runtime.listen import Wake
from sendto_dispatcher.ops.stepping import NEXT_S, keep_stepping
from sendto_dispatcher.store.census import count_some

_EVERY_S = 1.0
_PAUSE = 24.0
"""pauses are so many times as long as steps: counting takes at most a twenty-fifth of the time"""
_STALE_S = 3.0
_LOOKED_AT_S = 60.0
"""so long after the last look counting goes on"""


class LaneCensus:
    """Takes steps of counting while someone looks; at once for who looks after a while."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wake = Wake()
        self._until_s, self._stepped_at_s = 0.0, -_STALE_S

    async def look(self) -> None:
        """Someone looks: go on counting; if nothing was done for a while, what one step does, which is all of little.

        Raises:
            DatabaseAway: nothing can be counted.
        """
        now_s = self._clock.monotonic_s()
        idle, self._until_s = now_s >= self._until_s, now_s + _LOOKED_AT_S
        if now_s >= self._stepped_at_s + _STALE_S:
            await self._step()
        if idle:
            self._wake()

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
        self._stepped_at_s = self._clock.monotonic_s()
        return waits_s
