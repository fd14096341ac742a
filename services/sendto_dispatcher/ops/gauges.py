"""Gauges that are read from the database when metrics are scraped, at most every few seconds."""

from prometheus_client import Gauge

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database, DatabaseAway
from sendto_dispatcher.store.story import lane_numbers

_LANES = Gauge("sendto_lanes", "Lanes by provider and state.", ["provider", "state"])
_BEHIND = Gauge("sendto_lane_oldest_unapplied_seconds", "Age of the oldest change not yet applied.", ["provider"])
_OVERDUE = Gauge("sendto_lane_oldest_due_seconds", "How long the oldest due lane has been waiting.", ["provider"])
_FRESH_S = 5.0


class LaneGauges:
    """Keeps the lanes' gauges up to date."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._read_at_s: float | None = None

    async def refresh(self) -> None:
        """Read them anew, unless they were read a moment ago; without the database nothing old is shown."""
        now_s = self._clock.monotonic_s()
        if self._read_at_s is not None and now_s - self._read_at_s < _FRESH_S:
            return
        self._read_at_s = now_s
        for gauge in (_LANES, _BEHIND, _OVERDUE):
            gauge.clear()
        try:
            async with self._database.connection() as connection:
                numbers = await lane_numbers(connection)
        except DatabaseAway:
            return
        for (provider, state), lanes in numbers.counts.items():
            _LANES.labels(provider, state).set(lanes)
        for provider in {provider for provider, _ in numbers.counts}:
            _BEHIND.labels(provider).set(numbers.behind_s.get(provider, 0.0))
            _OVERDUE.labels(provider).set(numbers.overdue_s.get(provider, 0.0))
