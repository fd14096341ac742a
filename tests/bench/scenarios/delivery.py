"""How fast events that wait reach a provider, beside a loop that keeps nothing."""

from statistics import median
from typing import Any

from bench.bare_loop import SECRET
from bench.figures import Figure, Measured, at_least, at_most, share_at_most, share_of
from bench.lanes import make_due
from bench.machine import DispatcherProcess, Machine, Receiver, Site, comes, receiving, site, spawn
from bench.topic import fill

_LATENCY_S = 0.005
_PAIRS = 3


def rate(stats: dict[str, Any]) -> float:
    """Requests a second, from the first to the last."""
    return float((stats["count"] - 1) / (stats["last_at"] - stats["first_at"]))


async def bare(place: Site, receiver: Receiver, *, in_flight: int, records: int) -> tuple[dict[str, Any], float]:
    """What the bare loop does with the topic: what came, and its CPU seconds."""
    process = await spawn("bench.bare_loop", place.machine.kafka, place.topics.events, receiver.url, in_flight, records)
    cpu_s = float(await process.stdout.read())
    await process.wait()
    return await receiver.stats(), cpu_s


async def distinct(machine: Machine, size: float) -> Measured:
    """Every event of an order of its own: nothing to coalesce."""
    measured = Measured()
    for in_flight in (256, 64):
        measured.figures += await _distinct(machine, int(50_000 * size), in_flight)
    return measured


async def _distinct(machine: Machine, orders: int, in_flight: int) -> list[Figure]:
    ours, limits, cpu_ms = [], [], []
    async with receiving() as receiver:
        for _ in range(_PAIRS):
            async with site(machine) as place:
                await fill(machine.kafka, place.topics.events, orders)
                await receiver.reset(latency_s=_LATENCY_S)
                limits.append(rate((await bare(place, receiver, in_flight=in_flight, records=orders))[0]))
                await receiver.reset(latency_s=_LATENCY_S)
                dispatcher = place.dispatcher("distinct", receiver.url, SECRET, concurrency=in_flight)
                await dispatcher.start()
                started_s, first = await started(dispatcher, receiver)
                ours.append(rate(await receiver.holds(orders, 1)))
                cpu_ms.append((dispatcher.cpu_s - started_s) * 1000 / (orders - first))
                peak_mib = dispatcher.peak_mib
                await dispatcher.stop()
    what = f"{orders:,} events of as many orders, {in_flight} in flight"
    return [
        share_of(f"calls, {what}", ours, limits, "/s", least=0.7),
        at_most(f"CPU of the dispatcher for each, {in_flight} in flight, start-up apart", median(cpu_ms), "ms", 0.2),
        at_most(f"peak memory, {in_flight} in flight", peak_mib, "MiB", 250),
    ]


async def started(dispatcher: DispatcherProcess, receiver: Receiver) -> tuple[float, int]:
    """Wait for the first calls: the CPU seconds that the process has used until then, and how many calls came."""

    async def called() -> int:
        return int((await receiver.stats())["count"])

    calls = await comes(called)
    assert calls is not None
    return dispatcher.cpu_s, calls


async def coalescing(machine: Machine, size: float) -> Measured:
    """Five changes of each order wait: only the newest need be sent."""
    orders, each = int(10_000 * size), 5
    ours, limits, calls = [], [], []
    async with receiving() as receiver:
        for _ in range(_PAIRS):
            async with site(machine) as place:
                await fill(machine.kafka, place.topics.events, orders, each)
                await receiver.reset(latency_s=_LATENCY_S)
                stats, _ = await bare(place, receiver, in_flight=256, records=orders * each)
                limits.append(stats["newest_at"] - stats["first_at"])
                await receiver.reset(latency_s=_LATENCY_S)
                dispatcher = place.dispatcher("coalescing", receiver.url, SECRET, concurrency=256)
                await dispatcher.start()
                stats = await receiver.holds(orders, each)
                ours.append(stats["newest_at"] - stats["first_at"])
                calls.append(stats["count"])
                await dispatcher.stop()
    name = f"until the provider holds the newest of {orders:,} orders with {each} changes each"
    most = at_most("calls for each order", median(calls) / orders, "", each)
    return Measured([share_at_most(name, ours, limits, "s", most=0.6), most])


async def two_processes(machine: Machine, size: float) -> Measured:
    """One and two dispatchers on one backlog: the provider being the limit, then the cores."""
    lanes = int(20_000 * size)
    async with receiving() as receiver:
        rates, ratio = await _one_and_two(machine, receiver, lanes, latency_s=0.05)
        _, full = await _one_and_two(machine, receiver, lanes, latency_s=_LATENCY_S)
    limit = 64 / 0.05
    return Measured(
        [
            Figure(
                name="one process, 50 ms provider, 64 in flight",
                value=median(rates[1]),
                unit="/s",
                limit=limit,
                wanted="",
                reached=True,
            ),
            at_least("two processes against one", ratio, "times", 1.9),
            at_least("two processes against one, 5 ms provider, the cores being full", full, "times", 1.0),
        ]
    )


async def _one_and_two(
    machine: Machine, receiver: Receiver, lanes: int, *, latency_s: float
) -> tuple[dict[int, list[float]], float]:
    """The rates of one process and of two, in turn, and the median of their ratios."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(_PAIRS):
        for processes, seen in rates.items():
            seen.append(
                await drained(machine, receiver, lanes, processes=processes, latency_s=latency_s, concurrency=64)
            )
    return rates, median(two / one for one, two in zip(rates[1], rates[2], strict=True))


async def slow_provider(machine: Machine, size: float) -> Measured:
    """A provider that takes 200 ms, all events in one partition."""
    orders, in_flight, latency_s = int(10_000 * size), 128, 0.2
    rates = []
    async with receiving() as receiver:
        for _ in range(_PAIRS):
            async with site(machine, partitions=1) as place:
                await fill(machine.kafka, place.topics.events, orders)
                await receiver.reset(latency_s=latency_s)
                dispatcher = place.dispatcher("slow", receiver.url, SECRET, concurrency=in_flight)
                await dispatcher.start()
                rates.append(rate(await receiver.holds(orders, 1)))
                await dispatcher.stop()
    limits = [in_flight / latency_s] * _PAIRS
    return Measured([share_of("calls of a 200 ms provider, one partition", rates, limits, "/s", least=0.9)])


async def drained(
    machine: Machine, receiver: Receiver, lanes: int, *, processes: int = 1, latency_s: float, concurrency: int
) -> float:
    """Calls a second while so many lanes that are due are sent."""
    async with site(machine) as place:
        await make_due(place.database_url, lanes)
        await receiver.reset(latency_s=latency_s)
        dispatchers = [
            place.dispatcher(f"drained-{number}", receiver.url, SECRET, concurrency=concurrency)
            for number in range(processes)
        ]
        for dispatcher in dispatchers:
            await dispatcher.start()
        stats = await receiver.holds(lanes, 1)
        for dispatcher in dispatchers:
            await dispatcher.stop()
    return rate(stats)
