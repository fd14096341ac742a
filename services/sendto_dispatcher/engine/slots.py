"""The slots of one provider: its calls that are under way, and those that were claimed a moment ahead of a free slot.

While calls are answered well, a slot goes on with the next one that waits, so that a claim can be large without a slot
standing empty until the next. After a call that was not, it is the runner that says whether more may go out.

A call keeps its slot until its outcome is written: after a death no more calls are made again than there are slots.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from sendto_dispatcher.engine.attempt import Attempt

_AHEAD_S = 0.2
"""how much time's worth of calls may wait"""
_STALE_S = 1.0
"""what has waited so long waits for a provider that hangs; someone else may have a slot for it"""
NEVER_ENDS_S = 60.0
"""so long after its deadline a call is given up that does not end: nothing waits for a plugin for ever"""
_CUT_OFF_S = 2.0
"""for what is cut off to end"""


class Call(NamedTuple):
    """One call to be made: its attempts, the end of its time, when it may start, the requests that it may make."""

    attempts: list[Attempt]
    deadline_s: float
    at_s: float
    requests: int
    hanging: bool
    """whether one of its lanes timed out the last time"""


class Slots:
    """Runs calls, at most so many at a time. `carry_out` says whether the provider answered.

    `unsettled` tells how many calls have ended whose outcome is not written yet; each keeps its slot until `settled`.
    """

    def __init__(
        self,
        most: int,
        carry_out: Callable[[Call], Awaitable[bool]],
        ended: Callable[[], None],
        unsettled: Callable[[], int],
    ) -> None:
        self._most = most
        self._carry_out = carry_out
        self._ended = ended
        self._unsettled = unsettled
        self._under_way: dict[asyncio.Task[None], Call] = {}
        self._waiting: deque[Call] = deque()
        self._oldest_s = 0.0
        self._finished = 0
        self._counted_s = 0.0
        self._stopping = False
        self._answered = True
        """whether the last call to end was"""
        self.ahead = 0
        """calls that may wait beyond those under way"""
        self.hanging = 0
        """calls, under way or waiting, of lanes that timed out the last time"""
        self.failure: BaseException | None = None
        """what no call may end with"""

    @property
    def in_flight(self) -> int:
        """Calls that are under way."""
        return len(self._under_way)

    @property
    def free(self) -> int:
        """Calls that may begin at once."""
        return max(0, self._most - len(self._under_way) - self._unsettled())

    @property
    def room(self) -> int:
        """Calls that may be claimed: for free slots, and to wait."""
        return max(0, self.free + self.ahead - len(self._waiting))

    @property
    def low(self) -> bool:
        """Whether it is time to claim, or to let what waits go on."""
        return self.free > 0 or (self.room > 0 and len(self._waiting) * 2 <= self.ahead)

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return len(self._waiting)

    def look_ahead(self, now_s: float, most: int) -> None:
        """Let as many wait as ended within a moment, lately, but no more than `most`."""
        elapsed_s = now_s - self._counted_s
        self.ahead = min(most, int(self._finished / elapsed_s * _AHEAD_S)) if elapsed_s > 0 else 0
        self._finished, self._counted_s = 0, now_s

    def add(self, calls: Sequence[Call], now_s: float, *, at_once: bool) -> None:
        """Begin calls in free slots, `at_once` all of them; the others wait."""
        for call in calls:
            self.hanging += call.hanging
            if at_once or self.free:
                self._begin(call)
            else:
                self._oldest_s = self._oldest_s if self._waiting else now_s
                self._waiting.append(call)

    def go_on(self) -> None:
        """Begin what waits, as far as there are free slots."""
        while self._waiting and self.free:
            self._begin(self._waiting.popleft())

    def settled(self) -> None:
        """Outcomes were written: what waits goes on, if the provider answers."""
        if self._answered and not self._stopping:
            self.go_on()

    def take_back(self, now_s: float = float("inf")) -> list[Call]:
        """What waits, if it has waited long until `now_s`."""
        if now_s - self._oldest_s < _STALE_S:
            return []
        taken, self._waiting = list(self._waiting), deque()
        self.hanging -= sum(call.hanging for call in taken)
        return taken

    async def drain(self, timeout_s: float) -> None:
        """Let what is under way finish; what has not by then is cut off."""
        self._stopping = True
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=timeout_s)
            for slot in late:
                slot.cancel()
            if late:
                await asyncio.wait(late, timeout=_CUT_OFF_S)

    def give_up(self, now_s: float) -> int:
        """Free the slots of calls that should have ended long ago, though they have not; how many.

        Others have taken their lanes over meanwhile, so nothing is settled for them.
        """
        overdue = [
            one for one, call in self._under_way.items() if now_s > max(call.deadline_s, call.at_s) + NEVER_ENDS_S
        ]
        for slot in overdue:
            self.hanging -= self._under_way.pop(slot).hanging
            slot.cancel()
        return len(overdue)

    def _begin(self, call: Call) -> None:
        slot = asyncio.create_task(self._serve(call))
        self._under_way[slot] = call
        slot.add_done_callback(self._over)

    async def _serve(self, call: Call) -> None:
        slot: Any = asyncio.current_task()
        while True:
            self._answered = await self._carry_out(call)
            if slot not in self._under_way:
                return  # given up meanwhile
            self._finished += 1
            self.hanging -= call.hanging
            # This call's own slot is free once its outcome is written.
            room = len(self._under_way) + self._unsettled() <= self._most
            if not (self._answered and self._waiting and room) or self._stopping:
                return
            call = self._under_way[slot] = self._waiting.popleft()
            if self.low:
                self._ended()

    def _over(self, slot: asyncio.Task[None]) -> None:
        self._under_way.pop(slot, None)
        if not slot.cancelled() and (failure := slot.exception()) is not None:
            self.failure = failure
        self._ended()
