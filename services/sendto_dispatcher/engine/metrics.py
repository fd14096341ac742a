"""What the engine counts."""

from functools import cache

from prometheus_client import Counter, Histogram

from sendto_dispatcher.store.settles import AttemptRecord

_ATTEMPTS = Counter("sendto_attempts_total", "Calls of adapters.", ["provider", "operation", "outcome"])
_DURATION = Histogram(
    "sendto_attempt_duration_seconds",
    "Time of a call, from its start to its outcome.",
    ["provider"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def attempt(record: AttemptRecord) -> None:
    """Count one finished attempt."""
    _attempts(record.provider, str(record.finished.operation), record.outcome).inc()
    _duration(record.provider).observe(record.duration_ms / 1000)


_attempts = cache(_ATTEMPTS.labels)
_duration = cache(_DURATION.labels)
