"""How fast requests go out to a provider: whole operations from a bucket, spaced. Rule 30 of the dispatcher's rules.

The bucket's level may fall below zero: then requests are taken that start a moment later, each at its own time, so that
a process that wakes up late wastes nothing, and none of them go out at once.

A request that is late finds at the provider the room that it left, but only so much as the provider keeps: what is
later than `LATE_S` has lost its turn. So in any time of `w` seconds the fleet sends no more than a burst and what is
allowed in `w + LATE_S`, however its processes are held up.
"""

from dataclasses import dataclass

AHEAD_S = 0.2
"""how far ahead requests are taken"""
LATE_S = 0.1
"""how late a request may go out"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A provider's rate limit: requests per second of the whole fleet, and how many may go out at once."""

    rate_per_s: float
    burst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Operations that may go out, with the requests taken for them; `wait_s` until one may, if none."""

    operations: int
    requests: int = 0
    level: float = 0.0
    rate_per_s: float | None = None
    wait_s: float = 0.0
    at_s: float = 0.0
    """when it was given, by the taker's monotonic clock"""

    def starts_s(self, requests: int, now_s: float) -> float:
        """When the `requests`-th request (from 1) may start; a slow claim makes all of them later, none late."""
        return max(self.at_s, now_s - LATE_S / 2) + self.delay_s(requests)

    def delay_s(self, requests: int) -> float:
        """How long after the grant its `requests`-th request (from 1) may start."""
        return 0.0 if self.rate_per_s is None else max(0.0, (requests - self.level) / self.rate_per_s)


def grant(level: float, bucket: Bucket, *, operations: int, requests_each: int) -> Grant:
    """What may be taken from a bucket that stands at `level`."""
    available = level + AHEAD_S * bucket.rate_per_s
    granted = max(0, min(operations, int(available // requests_each)))
    return Grant(
        operations=granted,
        requests=granted * requests_each,
        level=level,
        rate_per_s=bucket.rate_per_s,
        wait_s=0.0 if granted else max(0.0, (requests_each - available) / bucket.rate_per_s),
    )
