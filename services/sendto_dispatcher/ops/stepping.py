"""Work of ops that is done in small steps, by whichever replica comes first, until none is left."""

from collections.abc import Awaitable, Callable

from sendto.runtime.database import DatabaseAway
from sendto.runtime.listen import Wake
from sendto.runtime.logs import logger

_log = logger(__name__)

IDLE_S = 2.0
NEXT_S = 0.05
"""the pause between two steps"""
MOST_DUE = 500
_AHEAD_S = 2.0
"""of a provider with a rate limit, so many seconds' worth of lanes are made due"""


async def keep_stepping(step: Callable[[], Awaitable[float]], wake: Wake, what: str) -> None:
    """Take steps until cancelled; each tells after how many seconds the next one may be due."""
    while True:
        try:
            waits_s = await step()
        except DatabaseAway:
            _log.warning("steps_wait", of=what, reason="database_away")
            waits_s = IDLE_S
        await wake.wait(waits_s)


def most_due(rate_per_s: float | None) -> int:
    """How many lanes of a provider may be due at once for what ops began: no more than are served within moments.

    A provider's lanes are served in the order in which they became due, so fresh changes hardly wait behind so few.
    """
    return MOST_DUE if rate_per_s is None else max(1, min(MOST_DUE, round(rate_per_s * _AHEAD_S)))
