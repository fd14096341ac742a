"""A million lanes that became due in an outage: made at once, or by events that kept coming."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from time import monotonic, time

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from infra.events import Upstream
from infra.eventually import eventually
from infra.topics import producing

from bench.bare_loop import SECRET
from bench.figures import Curve, Measured, at_least, at_most, share_of, told
from bench.lanes import make_due
from bench.machine import PATIENCE_S, Machine, Receiver, Site, receiving, site
from bench.scenarios.delivery import drained, rate, started
from bench.topic import fill

_LAG_EVERY_S = 0.5
_LATENCY_S = 0.005
_IN_FLIGHT = 256
_FEW = 20_000
"""lanes of which the rate is taken as the full one"""
_CHANGES_PER_S = 100
_CHANGED_AT_ONCE = 20
_SETTLED_S = 10.0
_TAKEN_SINCE = """
SELECT coalesce(sum(next_offset), 0)::bigint FROM intake_position WHERE topic = $1
"""


async def backlog(machine: Machine, size: float) -> Measured:
    """Drained by one process, while orders go on changing."""
    return await _drain(machine, int(1_000_000 * size), snapshot=False)


async def backlog_snapshot(machine: Machine, size: float) -> Measured:
    """The same, while another session holds a snapshot all the time."""
    return await _drain(machine, int(1_000_000 * size), snapshot=True)


async def _drain(machine: Machine, lanes: int, *, snapshot: bool) -> Measured:
    async with receiving() as receiver:
        limit = await drained(machine, receiver, min(lanes, _FEW), latency_s=_LATENCY_S, concurrency=_IN_FLIGHT)
        async with site(machine) as place:
            await make_due(place.database_url, lanes)
            await receiver.reset(latency_s=_LATENCY_S)
            dispatcher = place.dispatcher("backlog", receiver.url, SECRET, concurrency=_IN_FLIGHT)
            await dispatcher.start()
            async with _held_snapshot(place, held=snapshot), _lagging(place) as lags:
                await started(dispatcher, receiver)
                async with _changing(place) as changed:
                    stats = await receiver.holds(lanes, 1)
            late = await _late(receiver, changed)
            peak_mib = dispatcher.peak_mib
            await dispatcher.stop()
    seconds = sorted((int(second), count) for second, count in stats["rate"].items())
    tenth = max(1, len(seconds) // 10)
    first, last = (sum(count for _, count in part) for part in (seconds[1 : 1 + tenth], seconds[-1 - tenth : -1]))
    what = f"calls while {lanes:,} lanes drain" + (", a snapshot being held" if snapshot else "")
    return Measured(
        [
            share_of(what, [rate(stats)], [limit], "/s", least=0.9),
            at_least("rate of the last tenth against the first", last / first if first else 0.0, "times", 0.9),
            at_most("calls for each lane or change", stats["count"] / (lanes + len(changed)), "", 1.001),
            at_most("calls with an older state", stats["older"], "", 0),
            at_most(f"orders of {len(changed):,} changed meanwhile that were left on an older customer", late, "", 0),
            at_most("longest time that an event waited on the topic", lags.waited_s, "s", 5),
            at_most("peak memory of the dispatcher", peak_mib, "MiB", 250),
        ],
        [Curve("A backlog drains", "seconds", "calls a second", {"calls": [(float(s), float(n)) for s, n in seconds]})],
    )


@asynccontextmanager
async def _held_snapshot(place: Site, *, held: bool) -> AsyncIterator[None]:
    """Another session's snapshot: what dies meanwhile cannot be cleared away."""
    holder = await asyncpg.connect(place.database_url)
    if held:
        await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await holder.fetchval("SELECT count(*) FROM lane WHERE id < 2")
    try:
        yield
    finally:
        await holder.close()


@asynccontextmanager
async def _changing(place: Site) -> AsyncIterator[set[int]]:
    """Orders change all the time, a hundred a second, each once; those that have."""
    changed: set[int] = set()
    async with producing(place.machine.kafka) as producer:
        upstream = Upstream(producer, place.topics.events)

        async def change() -> None:
            for first in count(1, _CHANGED_AT_ONCE):
                orders = range(first, first + _CHANGED_AT_ONCE)
                await asyncio.gather(*(upstream.put(order_id, 2) for order_id in orders))
                changed.update(orders)
                await asyncio.sleep(_CHANGED_AT_ONCE / _CHANGES_PER_S)

        changing = asyncio.create_task(change())
        try:
            yield changed
        finally:
            changing.cancel()
            await asyncio.gather(changing, return_exceptions=True)


async def _late(receiver: Receiver, changed: set[int]) -> int:
    """Orders of which the newest customer has not come, some time after the last change."""
    deadline_s = monotonic() + _SETTLED_S
    while True:
        newest = (await receiver.stats(whole=True))["newest"]
        late = len([order_id for order_id in changed if newest.get(str(order_id), 0) < 2])
        if not late or monotonic() > deadline_s:
            return late
        await asyncio.sleep(_LAG_EVERY_S)


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
            told(f"from the provider's return until it holds the newest of {orders:,} orders", took_s, "s"),
            told("calls while they drain", orders / took_s, "/s"),
            told("longest time that an event waited on the topic, all coming at once", filling_s, "s"),
            at_most("longest time that an event waited on the topic, while lanes drain", lags.waited_s, "s", 5),
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
        self._waiting: deque[tuple[float, int]] = deque()
        """when the topic ended where, as far as it has not been taken up to there"""
        self.waited_s = 0.0
        """the longest that an event was on the topic"""
        self.seen: list[int] = []

    async def look(self) -> None:
        """Look until cancelled."""
        parts = [
            TopicPartition(self._place.topics.events, number)
            for number in self._consumer.partitions_for_topic(self._place.topics.events)
        ]
        while True:
            now, ends = time(), sum((await self._consumer.end_offsets(parts)).values())
            taken = await self._taken()
            self.seen.append(max(0, ends - taken))
            if not self._waiting or ends > self._waiting[-1][1]:
                self._waiting.append((now, ends))
            while self._waiting and self._waiting[0][1] <= taken:
                self._waiting.popleft()
            if self._waiting:
                self.waited_s = max(self.waited_s, time() - self._waiting[0][0])
            await asyncio.sleep(_LAG_EVERY_S)

    def begin_anew(self) -> float:
        """Forget the longest time; what it was."""
        waited_s, self.waited_s = self.waited_s, 0.0
        return waited_s

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
