"""What the promise keeps under fire: lanes and providers that fail for ever, and what comes after a death."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import time
from typing import Any

from aiokafka import AIOKafkaProducer
from infra.events import Upstream
from infra.postgres import Databases
from infra.servers import OwnPostgres

from bench.bare_loop import SECRET
from bench.figures import Curve, Measured, at_least, at_most, percentile
from bench.lanes import make_due
from bench.machine import Machine, Receiver, comes, receiving, site

_LATENCY_S = 0.005
_PAIRS = 3
_FIVE = ("one", "two", "three", "four", "five")
_HANGS_S = 1.0
_SILENCE_S = 0.25
"""longer than between any two calls at full rate"""


async def failing_share(machine: Machine, size: float) -> Measured:
    """One lane in a hundred gets 500 for ever, or never an answer; all have met it once before it counts."""
    figures = []
    for name in ("failing", "hanging"):
        ratios = []
        async with receiving() as receiver:
            for _ in range(_PAIRS):
                rates = [await _healthy_rate(machine, receiver, int(10_000 * size), {})]
                rates.append(await _healthy_rate(machine, receiver, int(10_000 * size), {name: int(100 * size)}))
                ratios.append(rates[1] / rates[0])
        figures.append(
            at_least(f"healthy rate with 1 % of lanes {name} for ever", median(ratios), "times the rate without", 0.9)
        )
    return Measured(figures)


async def _healthy_rate(machine: Machine, receiver: Receiver, lanes: int, bad: dict[str, int]) -> float:
    """Orders a second that reach the provider for the first time, while others fail."""
    async with site(machine) as place:
        count = sum(bad.values())
        await receiver.reset(
            latency_s=_LATENCY_S, **{name: list(range(lanes + 1, lanes + 1 + many)) for name, many in bad.items()}
        )
        dispatcher = place.dispatcher("share", receiver.url, SECRET, concurrency=64, timeout_s=_HANGS_S)
        if count:
            await make_due(place.database_url, count, first=lanes + 1)
        await dispatcher.start()
        if count:
            await _asked(receiver, count)
        await make_due(place.database_url, lanes)
        # What is made by hand wakes nobody: the next look finds it.
        stats = await receiver.holds(lanes, 1)
        arrivals: list[float] = list((await receiver.stats(whole=True))["arrivals"].values())
        await dispatcher.stop()
        assert stats["orders"] == lanes
    return lanes / (max(arrivals) - min(arrivals))


async def _asked(receiver: Receiver, count: int) -> None:
    async def all_tried() -> bool:
        return bool((await receiver.stats())["count"] >= count)

    await comes(all_tried, 120)
    await asyncio.sleep(2 * _HANGS_S)  # until each has been given up once


async def one_down(machine: Machine, size: float) -> Measured:
    """Five providers get every event; one of them is away. How long the others wait."""
    seconds = max(5, int(20 * size))
    p99: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_PAIRS):
        for down in (False, True):
            p99[down].append(await _p99_of_four(machine, seconds, down=down))
    ratio = median(bad / good for good, bad in zip(p99[False], p99[True], strict=True))
    return Measured(
        [
            at_most("p99 of four providers while the fifth is down", ratio, "times the p99 while it is well", 1.5),
            at_most("p99 of four providers while the fifth is down, itself", median(p99[True]), "ms", 1_000),
        ]
    )


async def _p99_of_four(machine: Machine, seconds: int, *, down: bool) -> float:
    async with AsyncExitStack() as stack:
        receivers = {name: await stack.enter_async_context(receiving()) for name in _FIVE}
        place = await stack.enter_async_context(site(machine))
        for name, receiver in receivers.items():
            await receiver.reset(latency_s=_LATENCY_S, down=down and name == _FIVE[-1])
        urls = {name: receiver.url for name, receiver in receivers.items()}
        dispatcher = place.serving("one-down", urls, SECRET, concurrency=32)
        await dispatcher.start()
        producer = await _producer(stack, machine)
        upstream = Upstream(producer, place.topics.events)
        await upstream.put(1, 1)
        await receivers[_FIVE[0]].holds(1, 1)
        sent = await _trickle(upstream, 2, seconds)
        waits = []
        for name in _FIVE[:-1]:
            await receivers[name].holds(len(sent) + 1, 1)
            arrivals = (await receivers[name].stats(whole=True))["arrivals"]
            waits += [(arrivals[str(order_id)] - at) * 1000 for order_id, at in sent.items()]
        await dispatcher.stop()
    return percentile(waits, 0.99)


async def _producer(stack: AsyncExitStack, machine: Machine) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=machine.kafka, acks="all")
    await producer.start()
    stack.push_async_callback(producer.stop)
    return producer


async def _trickle(upstream: Upstream, first: int, seconds: int, *, per_s: int = 40) -> dict[int, float]:
    """Publish new orders at an even rate; when each was taken."""
    sent: dict[int, float] = {}

    async def one(order_id: int, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - time()))
        await upstream.put(order_id, 1)
        sent[order_id] = time()

    began = time()
    async with asyncio.TaskGroup() as group:
        for number in range(seconds * per_s):
            group.create_task(one(first + number, began + number / per_s))
    return sent


async def throttled(machine: Machine, size: float) -> Measured:
    """A provider says: come back in a minute. Meanwhile the order changes ten times."""
    minute_s = max(5, int(60 * size))
    async with receiving() as receiver, site(machine) as place, AsyncExitStack() as stack:
        await receiver.reset(latency_s=_LATENCY_S, throttled_s=minute_s)
        dispatcher = place.dispatcher("throttled", receiver.url, SECRET, concurrency=64)
        await dispatcher.start()
        upstream = Upstream(await _producer(stack, machine), place.topics.events)
        for version in range(1, 11):
            await upstream.put(1, version)
            if version == 1:
                await _asked_once(receiver)
                await receiver.behave(latency_s=_LATENCY_S)
            await asyncio.sleep(minute_s / 12)
        stats = await receiver.holds(1, 10)
        await dispatcher.stop()
    return Measured([at_most("calls for ten updates in a throttled minute", stats["count"], "", 2)])


async def _asked_once(receiver: Receiver) -> None:
    async def asked() -> bool:
        return bool((await receiver.stats())["count"])

    await comes(asked, 60)


async def rate_limit(machine: Machine, size: float) -> Measured:
    """A provider takes 50 requests a second, ten of them at once (a fifth of a second's), and refuses the rest."""
    per_s, lanes = 50, int(1_500 * size)
    figures = []
    async with receiving() as receiver:
        for processes in (1, 3):
            used, refused = [], []
            for _ in range(_PAIRS):
                stats = await _limited(machine, receiver, lanes, per_s, processes)
                used.append((lanes - 1) / (stats["newest_at"] - stats["first_at"]) / per_s)
                refused.append(stats["refused"] / stats["count"])
            what = f"by {processes} process{'es' if processes > 1 else ''}"
            figures.append(at_least(f"used of a rate limit, {what}", median(used), "of it", 0.95))
            figures.append(at_most(f"refused with 429, {what}", median(refused), "of the requests", 0.001))
    return Measured(figures)


async def _limited(machine: Machine, receiver: Receiver, lanes: int, per_s: int, processes: int) -> dict[str, Any]:
    async with site(machine) as place:
        await make_due(place.database_url, lanes)
        await receiver.reset(latency_s=_LATENCY_S, limit_per_s=per_s, burst=10)
        dispatchers = [
            place.dispatcher(f"limited-{number}", receiver.url, SECRET, concurrency=64, rate=f"{per_s}/s")
            for number in range(processes)
        ]
        for dispatcher in dispatchers:
            await dispatcher.start()
        stats = await receiver.holds(lanes, 1)
        for dispatcher in dispatchers:
            await dispatcher.stop()
    return stats


async def recovery(machine: Machine, size: float) -> Measured:
    """The rate after a dispatcher, or PostgreSQL, was killed at full rate, beside the rate before."""
    measured = Measured()
    for what in ("the dispatcher", "PostgreSQL"):
        ratios, lines = [], {}
        for run in range(_PAIRS):
            before, after, line = await _killed(machine, int(40_000 * size), what)
            ratios.append(after / before)
            lines[f"run {run + 1}"] = line
        measured.figures.append(at_least(f"rate after {what} was killed", median(ratios), "times the rate before", 0.9))
        title = f"{what[0].upper()}{what[1:]} is killed at 0 s"
        measured.curves.append(Curve(title, "seconds", "orders a second", lines))
    return measured


async def _killed(machine: Machine, lanes: int, what: str) -> tuple[float, float, list[tuple[float, float]]]:
    """Rates before and after, and the curve."""
    with tempfile.TemporaryDirectory() as folder:
        server = OwnPostgres(Path(folder) / "postgres", durable=True)
        with server.running():
            own = Machine(Databases(server.url("postgres")), machine.kafka, machine.folder)
            async with receiving() as receiver, site(own) as place:
                await make_due(place.database_url, lanes)
                await receiver.reset(latency_s=_LATENCY_S)
                dispatcher = place.dispatcher("recovery", receiver.url, SECRET, concurrency=64)
                await dispatcher.start()
                await receiver.holds(lanes // 2, 1)
                killed_at = time()
                if what == "PostgreSQL":
                    await asyncio.to_thread(server.kill)
                    await server.come_back()
                else:
                    await dispatcher.kill()
                    await dispatcher.start()
                await receiver.holds(lanes, 1)
                arrivals = (await receiver.stats(whole=True))["arrivals"].values()
                await dispatcher.stop()
    return _before_and_after(sorted(arrivals), killed_at)


def _before_and_after(arrivals: list[float], killed_at: float) -> tuple[float, float, list[tuple[float, float]]]:
    """Rates of the steady middles of what came before and what came after, each without its first and last tenth."""
    before = [at for at in arrivals if at < killed_at]
    after = _longest([at for at in arrivals if at >= killed_at])
    step_s = 0.25
    counts: dict[int, int] = {}
    for at in arrivals:
        counts[int((at - killed_at) // step_s)] = counts.get(int((at - killed_at) // step_s), 0) + 1
    line = [(n * step_s, counts.get(n, 0) / step_s) for n in range(min(counts), max(counts) + 1)]
    return _middle(before), _middle(after), line


def _longest(arrivals: list[float]) -> list[float]:
    """The longest stretch without a silence.

    What was in flight at the death comes before it, and what the dead process held comes after it, once its leases end.
    """
    ends = [place for place, (earlier, later) in enumerate(pairwise(arrivals), 1) if later - earlier > _SILENCE_S]
    return max((arrivals[begin:end] for begin, end in pairwise([0, *ends, len(arrivals)])), key=len)


def _middle(arrivals: list[float]) -> float:
    tenth = len(arrivals) // 10
    middle = arrivals[tenth : len(arrivals) - tenth]
    return len(middle) / (middle[-1] - middle[0])
