"""Gauges of the lanes, brought up to date when metrics are scraped."""

from prometheus_client import Gauge

from sendto.runtime.database import DatabaseAway
from sendto_dispatcher.ops.census import LaneCensus

_LANES = Gauge("sendto_lanes", "Lanes by provider and state.", ["provider", "state"])
_BEHIND = Gauge("sendto_lane_oldest_unapplied_seconds", "Age of the oldest change not yet applied.", ["provider"])
_OVERDUE = Gauge("sendto_lane_oldest_due_seconds", "How long the oldest due lane has been waiting.", ["provider"])


class LaneGauges:
    """Keeps the lanes' gauges up to date."""

    def __init__(self, census: LaneCensus) -> None:
        self._census = census

    async def refresh(self) -> None:
        """Show the lanes as they were counted; without the database nothing old is shown."""
        for gauge in (_LANES, _BEHIND, _OVERDUE):
            gauge.clear()
        try:
            numbers = await self._census.recounted()
        except DatabaseAway:
            return
        for (provider, state), lanes in numbers.counts.items():
            _LANES.labels(provider, state).set(lanes)
        for provider in {provider for provider, _ in numbers.counts}:
            _BEHIND.labels(provider).set(numbers.behind_s.get(provider, 0.0))
            _OVERDUE.labels(provider).set(numbers.overdue_s.get(provider, 0.0))
