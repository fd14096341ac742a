"""Kafka and PostgreSQL killed with -9, for a moment or for long, alone and together."""

import random
from typing import ClassVar

from faults.kinds.fault import Fault, Field


class _Outage(Fault):
    servers: ClassVar[tuple[str, ...]]
    short_s: ClassVar[tuple[float, float]] = (0.5, 4.0)

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self.lasts_s = random_.uniform(*self.short_s)

    async def begin(self, field: Field) -> None:
        """Kill them."""
        for name in self.servers:
            await field.servers.kill(name)

    async def end(self, field: Field) -> None:
        """Start them again."""
        for name in self.servers:
            await field.servers.start(name)


class KafkaKilled(_Outage):
    """Kafka dies and comes back."""

    kind: ClassVar[str] = "Kafka is killed"
    servers: ClassVar[tuple[str, ...]] = ("kafka",)


class PostgresKilled(_Outage):
    """PostgreSQL dies and comes back."""

    kind: ClassVar[str] = "PostgreSQL is killed"
    servers: ClassVar[tuple[str, ...]] = ("postgres",)


class BothAway(_Outage):
    """Both are away for a minute."""

    kind: ClassVar[str] = "Kafka and PostgreSQL are away"
    servers: ClassVar[tuple[str, ...]] = ("postgres", "kafka")
    short_s: ClassVar[tuple[float, float]] = (60.0, 61.0)


class PostgresAwayLong(_Outage):
    """PostgreSQL is away for longer than a batch may take before the group gives its partitions away."""

    kind: ClassVar[str] = "PostgreSQL is away longer than max_poll_interval"
    servers: ClassVar[tuple[str, ...]] = ("postgres",)
    short_s: ClassVar[tuple[float, float]] = (15.0, 25.0)
