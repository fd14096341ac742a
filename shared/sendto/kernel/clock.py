"""Time, so that tests can steer it. Due dates and leases never use it: their time is the database's clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a component reads the time."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Seconds that never go back; only differences mean anything."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        return time.monotonic()


class SteeredClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        """The steered wall-clock time."""
        return self._now

    def monotonic_s(self) -> float:
        """The steered monotonic time, from 0."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds
