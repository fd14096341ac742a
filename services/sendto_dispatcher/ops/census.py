"""The lanes in numbers, counted now and then: counting reads the whole table."""

import asyncio

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.logs import logger
from sendto_dispatcher.store.story import LaneNumbers, lane_numbers

_log = logger(__name__)

_FRESH_S = 5.0
_SHARE = 25
"""a count that took long is taken less often, so that counting takes at most a twenty-fifth of the time"""


class LaneCensus:
    """Counts the lanes when someone asks; what was counted a moment ago is told again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._numbers: LaneNumbers | None = None
        self._next_at_s = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def numbers(self) -> LaneNumbers:
        """The numbers, at once where there are any: an old count is renewed for the next one who asks.

        Raises:
            DatabaseAway: there are none.
        """
        if self._numbers is None:
            return await self.recounted()
        self._begin()
        return self._numbers

    async def recounted(self) -> LaneNumbers:
        """The numbers, counted now unless that was a moment ago.

        Raises:
            DatabaseAway: they cannot be.
        """
        self._begin()
        if self._counting is not None:
            await asyncio.shield(self._counting)
        if self._numbers is None:
            raise DatabaseAway("the lanes were not counted")
        return self._numbers

    def _begin(self) -> None:
        if self._counting is None and self._clock.monotonic_s() >= self._next_at_s:
            self._counting = asyncio.create_task(self._count())

    async def _count(self) -> None:
        started_s = self._clock.monotonic_s()
        try:
            async with self._database.connection() as connection:
                self._numbers = await lane_numbers(connection)
        except DatabaseAway:
            self._numbers = None  # nothing old is shown for long
            _log.warning("lanes_not_counted", reason="database_away")
        finally:
            took_s = self._clock.monotonic_s() - started_s
            self._next_at_s = self._clock.monotonic_s() + max(_FRESH_S, took_s * _SHARE)
            self._counting = None
