"""What is found out beside those who look, not while they wait: in short steps, as long as someone does look."""

import asyncio
from abc import ABC, abstractmethod

from sendto.kernel.clock import Clock
from sendto.runtime.listen import Wake
from sendto_dispatcher.ops.stepping import NEXT_S, keep_stepping

EVERY_S = 1.0
PAUSE = 24.0
"""pauses are so many times as long as steps, which so take at most a twenty-fifth of the time"""
_STALE_S = 3.0
_LOOKED_AT_S = 300.0
"""So long after the last look it goes on: as long as Prometheus remembers what it has not scraped again."""


class Looking(ABC):
    """Takes steps while someone looks, one at a time; at once for who looks after a while and waits for it."""

    what: str
    """what it is, for the log"""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._wake = Wake()
        self._one = asyncio.Lock()
        self._until_s, self._due_at_s = 0.0, -_STALE_S

    def wanted(self) -> None:
        """Someone looks and waits for nothing: go on, and begin if nobody has looked lately."""
        now_s = self.clock.monotonic_s()
        idle, self._until_s = now_s >= self._until_s, now_s + _LOOKED_AT_S
        if idle:
            self._wake()

    async def look(self) -> None:
        """Someone looks: go on; if a step has been due for a while, take it first, or wait for who takes it.

        Raises:
            DatabaseAway: nothing can be found out.
        """
        self.wanted()
        await self._step(late_s=_STALE_S)

    async def run(self) -> None:
        """Go on until cancelled."""
        await keep_stepping(self.run_once, self._wake, self.what)

    async def run_once(self) -> float:
        """Take a step if it is due and someone has looked lately; seconds until the next try."""
        if self.clock.monotonic_s() >= self._until_s:
            return _LOOKED_AT_S
        return max(await self._step(), NEXT_S)

    async def _step(self, *, late_s: float = 0.0) -> float:
        """Take a step that is due for so long; seconds until the next one is due."""
        async with self._one:  # what someone else has found out meanwhile is not found out once more
            waits_s = self._due_at_s - self.clock.monotonic_s()
            if waits_s <= -late_s:
                waits_s = await self.step()
                self._due_at_s = self.clock.monotonic_s() + waits_s
            return waits_s

    @abstractmethod
    async def step(self) -> float:
        """Find out what one step does; seconds until the next one is due."""
