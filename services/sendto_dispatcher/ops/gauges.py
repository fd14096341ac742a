"""Gauges of the lanes, brought up to date when metrics are scraped."""

from collections.abc import Callable, Collection
from dataclasses import replace

from prometheus_client import Gauge

from sendto.runtime.database import DatabaseAway
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.store.story import LaneNumbers

_LANES = Gauge("sendto_lanes", "Lanes by provider and state.", ["provider", "state"])
_BEHIND = Gauge("sendto_lane_oldest_unapplied_seconds", "Age of the oldest change not yet applied.", ["provider"])
_OVERDUE = Gauge("sendto_lane_oldest_due_seconds", "How long the oldest due lane has been waiting.", ["provider"])


_ACTIVE = frozenset({"due", "waiting", "leased"})
"""states of lanes that go on by themselves, where their provider is served"""


class LaneGauges:
    """Keeps the lanes' gauges up to date; `configured` tells the providers that are served."""

    def __init__(self, census: LaneCensus, configured: Callable[[], Collection[str]]) -> None:
        self._census = census
        self._configured = configured

    async def refresh(self) -> None:
        """Show the lanes as they were counted; without the database nothing old is shown."""
        for gauge in (_LANES, _BEHIND, _OVERDUE):
            gauge.clear()
        try:
            configured = self._configured()
            numbers = with_parked(await self._census.recounted(), configured)
        except DatabaseAway:
            return
        for (provider, state), lanes in numbers.counts.items():
            _LANES.labels(provider, state).set(lanes)
        for provider in {provider for provider, _ in numbers.counts if provider in configured}:
            _BEHIND.labels(provider).set(numbers.behind_s.get(provider, 0.0))
            _OVERDUE.labels(provider).set(numbers.overdue_s.get(provider, 0.0))


def with_parked(numbers: LaneNumbers, configured: Collection[str]) -> LaneNumbers:
    """Rule 33: lanes whose provider is not served are counted apart, and left out of how fresh the others are."""
    counts: dict[tuple[str, str], int] = {}
    for (provider, state), lanes in numbers.counts.items():
        word = "parked" if state in _ACTIVE and provider not in configured else state
        counts[provider, word] = counts.get((provider, word), 0) + lanes
    return replace(
        numbers,
        counts=counts,
        behind_s={provider: age_s for provider, age_s in numbers.behind_s.items() if provider in configured},
        overdue_s={provider: age_s for provider, age_s in numbers.overdue_s.items() if provider in configured},
    )
