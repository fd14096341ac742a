"""Claims give way to an intake that catches up: what it takes next may make a call needless."""

import asyncio
from collections.abc import Callable

from sendto.kernel.clock import Clock

_LOOK_S = 0.02


class Courtesy:
    """Waits at a door for others, but no longer than it stands open to us afterwards: half of the time is ours.

    Args:
        catching_up: whether others should go first.
        most_s: the longest that they do at a time.
        clock: ours.
    """

    def __init__(self, catching_up: Callable[[], bool], most_s: float, clock: Clock) -> None:
        self._catching_up = catching_up
        self._most_s = most_s
        self._clock = clock
        self._ours_until_s = 0.0

    async def wait(self) -> None:
        """Let others go first, unless it is our time."""
        now_s = self._clock.monotonic_s()
        if now_s < self._ours_until_s:
            return
        until_s = now_s + self._most_s
        while self._catching_up():
            if self._clock.monotonic_s() >= until_s:
                self._ours_until_s = self._clock.monotonic_s() + self._most_s
                return
            await asyncio.sleep(_LOOK_S)
