"""What is found out beside those who look, not while they wait: in short steps, as long as someone does look."""

from abc import ABC, abstractmethod

from sendto.kernel.clock import Clock
from sendto.runtime.listen import Wake
from sendto_dispatcher.ops.stepping import NEXT_S, keep_stepping

EVERY_S = 1.0
PAUSE = 24.0
"""pauses are so many times as long as steps, which so take at most a twenty-fifth of the time"""
_STALE_S = 3.0
_LOOKED_AT_S = 60.0
"""so long after the last look it goes on"""


class Looking(ABC):
    """Takes steps while someone looks; at once for who looks after a while."""

    what: str
    """what it is, for the log"""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._wake = Wake()
        self._until_s, self._due_at_s = 0.0, -_STALE_S

    async def look(self) -> None:
        """Someone looks: go on; if a step has been due for a while, take it first.

        Raises:
            DatabaseAway: nothing can be found out.
        """
        now_s = self.clock.monotonic_s()
        idle, self._until_s = now_s >= self._until_s, now_s + _LOOKED_AT_S
        if now_s >= self._due_at_s + _STALE_S:
            await self._step()
        if idle:
            self._wake()

    async def run(self) -> None:
        """Go on until cancelled."""
        await keep_stepping(self.run_once, self._wake, self.what)

    async def run_once(self) -> float:
        """Take a step if someone has looked lately; seconds until the next try."""
        if self.clock.monotonic_s() >= self._until_s:
            return _LOOKED_AT_S
        return max(await self._step(), NEXT_S)

    async def _step(self) -> float:
        waits_s = await self.step()
        self._due_at_s = self.clock.monotonic_s() + waits_s
        return waits_s

    @abstractmethod
    async def step(self) -> float:
        """Find out what one step does; seconds until the next one is due."""
