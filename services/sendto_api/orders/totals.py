"""How many orders a list has. Counting many costs what reading many costs: large numbers are kept for some seconds."""

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection
from sendto_api.orders.list_store import count_of
from sendto_api.orders.listing import Filters

KEPT_FROM = 10_000
"""numbers from which on they are kept; smaller ones are always counted anew"""
_MOST_KEPT = 1_000


class Totals:
    """Counts orders by filters.

    Args:
        clock: whose monotonic time it goes by.
        keep_s: how long large numbers are kept; 0 counts always.
    """

    def __init__(self, clock: Clock, *, keep_s: float) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._kept: dict[Filters, tuple[float, int]] = {}
        """by filters: until when, and how many"""

    async def total(self, connection: Connection, filters: Filters) -> int:
        """How many orders these filters pick."""
        until_s, total = self._kept.get(filters, (0.0, 0))
        if until_s > self._clock.monotonic_s():
            return total
        total = await count_of(connection, filters)
        self._kept.pop(filters, None)
        if total >= KEPT_FROM:
            self._keep(filters, total)
        return total

    def _keep(self, filters: Filters, total: int) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[filters] = (self._clock.monotonic_s() + self._keep_s, total)
