"""The breaker of one provider in one process: opens when a provider is down, so that it gets probes, no storm.

Rule 25 of the dispatcher's rules.
"""

from collections import deque
from typing import NamedTuple, assert_never

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    RateLimited,
    Rejected,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.endings import (
    Confirmed,
    Differs,
    Ending,
    Held,
    Interrupted,
    Released,
    Shadowed,
    Unchanged,
)
from sendto_dispatcher.domain.plan import Rest


def answered(ending: Ending) -> bool | None:
    """True: the provider answered, be it with a refusal; False: it is unwell; None: tells nothing of it."""
    match ending:
        case Applied() | Accepted() | AlreadyAbsent() | Rejected() | RateLimited() | Confirmed() | Differs():
            return True
        case Transient() | Ambiguous():
            return False
        case Unsupported() | Released() | Interrupted() | Unchanged() | Rest() | Shadowed():
            return None
        case Held() | Unauthorized() | Gone():
            return None
        case _:
            assert_never(ending)


class _Finished(NamedTuple):
    at_s: float
    lane_id: int
    answered: bool


class Breaker:
    """Counts the last finished attempts of a provider; times are monotonic seconds."""

    def __init__(self, *, window: int, window_s: float, lanes: int) -> None:
        self._window_s = window_s
        self._lanes = lanes
        self._finished: deque[_Finished] = deque(maxlen=window)

    def record(self, lane_id: int, *, answered: bool, at_s: float) -> bool:
        """Count one finished attempt; whether the breaker should be open now."""
        self._finished.append(_Finished(at_s, lane_id, answered))
        return not answered and self._unwell(at_s)

    def reset(self) -> None:
        """Forget what was counted, as after the provider has come back."""
        self._finished.clear()

    def _unwell(self, now_s: float) -> bool:
        recent = [finished for finished in self._finished if now_s - finished.at_s <= self._window_s]
        failed = {finished.lane_id for finished in recent if not finished.answered}
        answers = sum(finished.answered for finished in recent)
        return answers * 2 < len(recent) and len(failed) >= self._lanes
