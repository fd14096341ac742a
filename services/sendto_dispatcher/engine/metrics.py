"""What the engine counts."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from sendto_dispatcher.store.settles import AttemptRecord

_ATTEMPTS = Counter("sendto_attempts_total", "Calls of adapters.", ["provider", "operation", "outcome"])
_REQUESTS = Counter("sendto_provider_requests_total", "HTTP requests that attempts made.", ["provider"])
_IN_FLIGHT = Gauge("sendto_attempts_in_flight", "Calls under way in this process.", ["provider"])
_DURATION = Histogram(
    "sendto_attempt_duration_seconds",
    "Time of a call, from its start to its outcome.",
    ["provider"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def attempt(record: AttemptRecord) -> None:
    """Count one finished attempt."""
    _attempts(record.provider, str(record.finished.operation), record.outcome).inc()
    _requests(record.provider).inc(record.finished.requests)
    _duration(record.provider).observe(record.duration_ms / 1000)


_attempts = cache(_ATTEMPTS.labels)
_requests = cache(_REQUESTS.labels)
_duration = cache(_DURATION.labels)


def in_flight(calls: Mapping[str, int]) -> None:
    """Show the calls that are under way."""
    _IN_FLIGHT.clear()
    for provider, number in calls.items():
        _IN_FLIGHT.labels(provider).set(number)
