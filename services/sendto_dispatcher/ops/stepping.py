"""Work of ops that is done in small steps, by whichever replica comes first, until none is left."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.listen import Wake
from sendto.runtime.logs import logger
from sendto.runtime.notify import Notifier
from sendto_dispatcher.ops.configured import Current

_log = logger(__name__)

IDLE_S = 2.0
NEXT_S = 0.05
"""the pause between two steps"""
MOST_DUE = 500
_AHEAD_S = 2.0
"""of a provider with a rate limit, so many seconds' worth of lanes are made due"""


class Stepping(ABC):
    """Takes what is unfinished on, a step at a time; any number of replicas may."""

    what: str
    """what it is, for the log"""

    def __init__(self, database: Database, current: Current, notify: Notifier) -> None:
        self._database = database
        self._current = current
        self._notify = notify
        self.wake = Wake()

    async def run(self) -> None:
        """Go on until cancelled."""
        await keep_stepping(self.run_once, self.wake, self.what)

    @abstractmethod
    async def run_once(self) -> float:
        """Take the next step of what is unfinished; seconds until the next look."""


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
