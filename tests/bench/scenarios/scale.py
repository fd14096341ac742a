"""How the rate follows concurrency, partitions, lanes, latency and processes: curves, each with its knee."""

from bench.bare_loop import SECRET
from bench.figures import Curve, Measured, knee
from bench.lanes import make_due
from bench.machine import Machine, Receiver, receiving, site
from bench.scenarios.delivery import drained, rate
from bench.topic import fill

_CONCURRENCIES = (1, 4, 16, 64, 128, 256, 512)
_PARTITIONS = (1, 2, 4, 12, 24)
_LATENCIES_S = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)
_PROCESSES = (1, 2, 3, 4)
_TABLE_LANES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_FEWEST = 200


async def scale(machine: Machine, size: float) -> Measured:
    """Five sweeps, each with everything else as in the delivery scenario."""
    lanes = int(10_000 * size)
    async with receiving() as receiver:
        return Measured(
            curves=[
                await _by_concurrency(machine, receiver, lanes),
                await _by_latency(machine, receiver, lanes),
                await _by_processes(machine, receiver, lanes),
                await _by_partitions(machine, receiver, lanes),
                await _by_table(machine, receiver, lanes, size),
            ]
        )


def _fit(lanes: int, most_per_s: float) -> int:
    """As many lanes as take about five seconds at the highest rate that is possible."""
    return max(_FEWEST, min(lanes, int(5 * most_per_s)))


async def _by_concurrency(machine: Machine, receiver: Receiver, lanes: int) -> Curve:
    points = []
    for concurrency in _CONCURRENCIES:
        fitting = _fit(lanes, concurrency / 0.005)
        points.append(
            (float(concurrency), await drained(machine, receiver, fitting, latency_s=0.005, concurrency=concurrency))
        )
    ideal = [(float(one), one / 0.005) for one in _CONCURRENCIES if one <= 64]
    lines = {"measured": points, "in flight ÷ latency": ideal}
    told = (
        f"Knee at {knee(points):g} in flight. Before it the provider's answers are waited for, and the rate is calls "
        "in flight ÷ latency; from there on the interpreter has its one core full, and more calls only wait longer."
    )
    return Curve("5 ms provider", "calls in flight", "calls a second", lines, logarithmic=True, told=told)


async def _by_latency(machine: Machine, receiver: Receiver, lanes: int) -> Curve:
    points = []
    for latency_s in _LATENCIES_S:
        fitting = _fit(lanes, 256 / latency_s)
        points.append(
            (latency_s * 1000, await drained(machine, receiver, fitting, latency_s=latency_s, concurrency=256))
        )
    ideal = [(one * 1000, 256 / one) for one in _LATENCIES_S if one >= 0.02]
    lines = {"measured": points, "in flight ÷ latency": ideal}
    fits = max((x for x, y in points if y >= 0.9 * max(rate for _, rate in points)), default=0.0)
    told = (
        f"Up to {fits:g} ms the process is the limit, and the provider's time does not matter: 256 ÷ latency is more "
        "than a core can send. Beyond, the rate is 256 ÷ latency; more in flight would raise it."
    )
    return Curve("256 in flight", "latency of the provider in ms", "calls a second", lines, logarithmic=True, told=told)


async def _by_processes(machine: Machine, receiver: Receiver, lanes: int) -> Curve:
    lines = {
        f"{latency_s * 1000:g} ms provider": [
            (
                float(number),
                await drained(machine, receiver, lanes, processes=number, latency_s=latency_s, concurrency=64),
            )
            for number in _PROCESSES
        ]
        for latency_s in (0.005, 0.05)
    }
    told = (
        "With a slow provider each process adds its own calls in flight. With a quick one a process fills a core, and "
        "the knee is where the cores are shared with PostgreSQL, Kafka and the provider "
        f"(at {knee(lines['5 ms provider']):g} here)."
    )
    return Curve("64 in flight each", "dispatcher processes", "calls a second", lines, told=told)


async def _by_partitions(machine: Machine, receiver: Receiver, lanes: int) -> Curve:
    points = []
    for partitions in _PARTITIONS:
        async with site(machine, partitions) as place:
            await fill(machine.kafka, place.topics.events, lanes)
            await receiver.reset(latency_s=0.005)
            dispatcher = place.dispatcher("partitions", receiver.url, SECRET, concurrency=256)
            await dispatcher.start()
            points.append((float(partitions), rate(await receiver.holds(lanes, 1))))
            await dispatcher.stop()
    told = (
        "Partitions divide the intake among processes, not the calls of one: deliveries are shared by lanes. One "
        f"process has nine tenths of its highest rate from {knee(points):g} on."
    )
    return Curve("From the topic", "partitions", "calls a second", {"one process": points}, told=told)


async def _by_table(machine: Machine, receiver: Receiver, lanes: int, size: float) -> Curve:
    points = []
    for number in _TABLE_LANES:
        if number > 10_000_000 * size:
            break
        async with site(machine) as place:
            await make_due(place.database_url, number, due=False)
            due = min(lanes, number)
            await make_due(place.database_url, due, first=number + 1)
            await receiver.reset(latency_s=0.005)
            dispatcher = place.dispatcher("table", receiver.url, SECRET, concurrency=256)
            await dispatcher.start()
            points.append((float(number), rate(await receiver.holds(due, 1))))
            await dispatcher.stop()
    lines = {"one process": points}
    told = (
        "Lanes that are converged are in no index that a claim reads; what grows is the depth of the others and, "
        "beyond PostgreSQL's memory, reading from disk."
    )
    title = "Among lanes that are converged"
    return Curve(title, "lanes in the table", "calls a second", lines, logarithmic=True, told=told)
