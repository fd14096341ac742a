"""A million lanes that became due in an outage: made at once, or by events that kept coming."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from infra.eventually import eventually

from bench.bare_loop import SECRET
from bench.figures import Curve, Figure, Measured, at_most
from bench.lanes import make_due
from bench.machine import PATIENCE_S, Machine, Site, receiving, site
from bench.scenarios.delivery import rate
from bench.topic import fill

_LAG_EVERY_S = 0.5
_TAKEN_SINCE = """
SELECT coalesce(sum(next_offset), 0)::bigint FROM intake_position WHERE topic = $1
"""


async def backlog(machine: Machine, size: float) -> Measured:
    """Drained by one process, with another session holding a snapshot all the time."""
    lanes = int(1_000_000 * size)
    async with receiving() as receiver, site(machine) as place:
        await make_due(place.database_url, lanes)
        await receiver.reset(latency_s=0.005)
        holder = await asyncpg.connect(place.database_url)
        await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await holder.fetchval("SELECT count(*) FROM lane WHERE id < 2")
        dispatcher = place.dispatcher("backlog", receiver.url, SECRET, concurrency=256)
        await dispatcher.start()
        stats = await receiver.holds(lanes, 1)
        seconds = sorted((int(second), count) for second, count in stats["rate"].items())
        tenth = max(1, len(seconds) // 10)
        first, last = (sum(count for _, count in part) for part in (seconds[1 : 1 + tenth], seconds[-1 - tenth : -1]))
        peak_mib = dispatcher.peak_mib
        await dispatcher.stop()
        await holder.close()
    return Measured(
        [
            Figure(name=f"calls while {lanes:,} lanes drain", value=rate(stats), unit="/s", wanted="", reached=True),
            Figure(
                name="rate of the last tenth against the first",
                value=last / first if first else 0.0,
                unit="times",
                wanted="≥ 0.9",
                reached=bool(first) and last >= 0.9 * first,
            ),
            at_most("calls for each lane", stats["count"] / lanes, "", 1.001),
            at_most("peak memory of the dispatcher", peak_mib, "MiB", 250),
        ],
        [Curve("A backlog drains", "seconds", "calls a second", {"calls": [(float(s), float(n)) for s, n in seconds]})],
    )


async def day_outage(machine: Machine, size: float) -> Measured:
    """Every order changes three times while its provider is down, and some while it drains; the topic is kept empty."""
    orders = int(250_000 * size)
    async with receiving() as receiver, site(machine) as place, _lagging(place) as lags:
        await receiver.reset(latency_s=0.005, down=True)
        dispatcher = place.dispatcher("day-outage", receiver.url, SECRET, concurrency=256)
        await dispatcher.start()
        await fill(machine.kafka, place.topics.events, orders, 3)
        await lags.until_taken(3 * orders)
        refused, filling_s = (await receiver.stats())["refused"], lags.begin_anew()
        returned_at = time()
        await receiver.behave(latency_s=0.005)
        await fill(machine.kafka, place.topics.events, max(1, orders // 100), 4)
        stats = await receiver.holds(orders, 3)
        took_s, peak_mib = stats["newest_at"] - returned_at, dispatcher.peak_mib
        await dispatcher.stop()
    seconds = sorted((int(second), count) for second, count in stats["rate"].items())
    return Measured(
        [
            _told(f"from the provider's return until it holds the newest of {orders:,} orders", took_s, "s"),
            _told("calls while they drain", orders / took_s, "/s"),
            _told("until the topic was empty, all events coming at once", filling_s, "s"),
            at_most("longest time in which the topic was not empty, while lanes drain", lags.behind_s, "s", 5),
            at_most("calls for each order, with three changes each", (stats["count"] - refused) / orders, "", 1.02),
            at_most("requests into the outage", refused, "", 99),
            at_most("peak memory of the dispatcher", peak_mib, "MiB", 250),
        ],
        [
            Curve(
                "A day's outage", "seconds", "requests a second", {"calls": [(float(s), float(n)) for s, n in seconds]}
            )
        ],
    )


class _Lags:
    """How many events are on the topic and not taken, looked at all the time."""

    def __init__(
        self, place: Site, connection: "asyncpg.Connection[asyncpg.Record]", consumer: AIOKafkaConsumer
    ) -> None:
        self._place = place
        self._connection = connection
        self._consumer = consumer
        self._lock = asyncio.Lock()
        self._behind_since: float | None = None
        self.behind_s = 0.0
        """the longest time in which it was not empty"""
        self.seen: list[int] = []

    async def look(self) -> None:
        """Look until cancelled."""
        parts = [
            TopicPartition(self._place.topics.events, number)
            for number in self._consumer.partitions_for_topic(self._place.topics.events)
        ]
        while True:
            ends = sum((await self._consumer.end_offsets(parts)).values())
            lag = max(0, ends - await self._taken())
            self.seen.append(lag)
            now = time()
            self._behind_since = (self._behind_since or now) if lag else None
            self.behind_s = max(self.behind_s, now - (self._behind_since or now))
            await asyncio.sleep(_LAG_EVERY_S)

    def begin_anew(self) -> float:
        """Forget the longest time; what it was."""
        behind_s, self.behind_s = self.behind_s, 0.0
        return behind_s

    async def until_taken(self, events: int) -> None:
        """Wait until so many are taken."""

        async def taken() -> bool:
            return bool(self.seen) and self.seen[-1] == 0 and await self._taken() >= events

        await eventually(taken, PATIENCE_S)

    async def _taken(self) -> int:
        async with self._lock:
            taken: int = await self._connection.fetchval(_TAKEN_SINCE, self._place.topics.events)
        return taken


@asynccontextmanager
async def _lagging(place: Site) -> AsyncIterator[_Lags]:
    connection = await asyncpg.connect(place.database_url)
    consumer = AIOKafkaConsumer(place.topics.events, bootstrap_servers=place.machine.kafka)
    await consumer.start()
    lags = _Lags(place, connection, consumer)
    looking = asyncio.create_task(lags.look())
    try:
        yield lags
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await consumer.stop()
        await connection.close()


def _told(name: str, value: float, unit: str) -> Figure:
    return Figure(name=name, value=value, unit=unit, wanted="", reached=True)
