"""A steady load for long: whether memory grows."""

import asyncio
import random
from itertools import count
from statistics import median
from time import monotonic

from aiokafka import AIOKafkaProducer
from infra.events import binary_headers

from bench.bare_loop import SECRET
from bench.figures import Curve, Figure, Measured, at_most, slope
from bench.lanes import make_due
from bench.machine import DispatcherProcess, Machine, receiving, site
from bench.topic import event_body

_EVENTS_PER_S = 500
_ORDERS = 10_000
_CONVERGED = 100_000
_EVERY_S = 1.0
_MOST_GROWTH_MIB = 10


async def soak(machine: Machine, size: float) -> Measured:
    """An hour of five hundred changes a second, among lanes that are converged; the first quarter is not judged."""
    seconds = 3_600 * size
    async with receiving() as receiver, site(machine) as place:
        await make_due(place.database_url, _CONVERGED, first=_ORDERS + 1, due=False)
        await receiver.reset(latency_s=0.005)
        dispatcher = place.dispatcher("soak", receiver.url, SECRET, concurrency=64)
        await dispatcher.start()
        load = asyncio.create_task(_load(machine.kafka, place.topics.events, seconds))
        points = await _watch(dispatcher, load)
        newest = await load
        await receiver.holds(len(newest), 1)
        held = {int(order): version for order, version in (await receiver.stats(whole=True))["newest"].items()}
        late = sum(held.get(order, 0) < version for order, version in newest.items())
        await dispatcher.stop()
    judged = points[len(points) // 4 :]
    third = max(1, len(judged) // 3)
    grown = median(mib for _, mib in judged[-third:]) - median(mib for _, mib in judged[:third])
    return Measured(
        [
            at_most(f"growth of memory in {seconds:,.0f} s", grown, "MiB", _MOST_GROWTH_MIB),
            Figure(name="slope", value=slope(judged) * 3_600, unit="MiB an hour", wanted="", reached=True),
            at_most("memory in the end", judged[-1][1], "MiB", 250),
            at_most("orders left on an older customer a second after the load", late, "", 0),
        ],
        [Curve("Memory under a steady load", "seconds", "MiB", {"resident": points})],
    )


async def _load(bootstrap_servers: str, topic: str, seconds: float) -> dict[int, int]:
    """Publish changes of orders drawn at random; the newest version of each."""
    drawn = random.Random(1)  # noqa: S311 - the same load each time
    newest: dict[int, int] = {}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5)
    await producer.start()
    began_s = monotonic()
    try:
        for number in count(1):
            order_id = drawn.randint(1, _ORDERS)
            newest[order_id] = number
            await producer.send(
                topic,
                key=str(order_id).encode(),
                value=event_body(order_id, number),
                headers=binary_headers("customer.updated", number),
            )
            ahead_s = number / _EVENTS_PER_S - (monotonic() - began_s)
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            if monotonic() - began_s >= seconds:
                break
        await producer.flush()
        await asyncio.sleep(1)  # what is judged is the state a second later
    finally:
        await producer.stop()
    return newest


async def _watch(dispatcher: DispatcherProcess, load: "asyncio.Task[dict[int, int]]") -> list[tuple[float, float]]:
    began_s, points = monotonic(), []
    while not load.done():
        points.append((monotonic() - began_s, dispatcher.resident_mib))
        await asyncio.sleep(_EVERY_S)
    return points
