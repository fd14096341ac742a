"""What trouble costs: a provider that is down, a dispatcher that is killed, a lane that always fails."""

import asyncio
from collections import Counter
from statistics import median
from time import time

from bench.bare_loop import SECRET
from bench.figures import Curve, Measured, at_least, at_most
from bench.lanes import make_due
from bench.machine import Machine, receiving, site
from bench.scenarios.delivery import rate

_LATENCY_S = 0.005
_DOWN_S = 20.0
_RUNS = 3


async def outage(machine: Machine, size: float) -> Measured:
    """The provider answers 503 for twenty seconds while lanes are due."""
    lanes = int(10_000 * size)
    refused, back_s, curves = [], [], []
    async with receiving() as receiver:
        for run in range(_RUNS):
            async with site(machine) as place:
                await make_due(place.database_url, lanes)
                await receiver.reset(latency_s=_LATENCY_S, down=True)
                dispatcher = place.dispatcher("outage", receiver.url, SECRET, concurrency=64)
                await dispatcher.start()
                await asyncio.sleep(_DOWN_S)  # the outage itself, not a wait for something to happen
                refused.append((await receiver.stats())["refused"])
                returned_at = time()
                await receiver.behave(latency_s=_LATENCY_S)
                stats = await receiver.holds(lanes, 1)
                arrivals = (await receiver.stats(whole=True))["arrivals"].values()
                back_s.append(_until_full([at - returned_at for at in arrivals]))
                seconds = sorted((int(second), count) for second, count in stats["rate"].items())
                curves.append((f"run {run + 1}", [(float(second), float(count)) for second, count in seconds]))
                await dispatcher.stop()
    return Measured(
        [
            at_most("requests into an outage of 20 s, 64 in flight", median(refused), "", 99),
            at_most("until the full rate is back", median(back_s), "s", 5),
        ],
        [Curve("An outage of 20 s", "seconds", "requests a second", dict(curves))],
    )


def _until_full(arrivals_s: list[float], *, step_s: float = 0.25) -> float:
    """Seconds from the provider's return to the end of the first quarter with nine tenths of the usual rate.

    The usual one is the median of those quarters in which the middle eight tenths of the orders came.
    """
    ordered = sorted(arrivals_s)
    tenth = len(ordered) // 10
    counts = Counter(int(at_s / step_s) for at_s in ordered)
    middle = {int(at_s / step_s) for at_s in ordered[tenth : len(ordered) - tenth]}
    usual = median(counts[quarter] for quarter in middle)
    return (min(quarter for quarter, count in counts.items() if count >= 0.9 * usual) + 1) * step_s


async def kill(machine: Machine, size: float) -> Measured:
    """The dispatcher is killed at full rate and started again."""
    lanes, in_flight = int(30_000 * size), 64
    repeated, older, idle_s = [], [], []
    async with receiving() as receiver:
        for _ in range(_RUNS):
            async with site(machine) as place:
                await make_due(place.database_url, lanes)
                await receiver.reset(latency_s=_LATENCY_S)
                dispatcher = place.dispatcher("kill", receiver.url, SECRET, concurrency=in_flight)
                await dispatcher.start()
                await receiver.holds(lanes // 4, 1)
                await dispatcher.kill()
                killed = (await receiver.stats())["last_at"]
                before = (await receiver.stats(whole=True))["arrivals"]
                await dispatcher.start()
                stats = await receiver.holds(lanes, 1)
                arrivals = (await receiver.stats(whole=True))["arrivals"]
                idle_s.append(min(at for order, at in arrivals.items() if order not in before) - killed)
                repeated.append(stats["repeated"])
                older.append(stats["older"])
                await dispatcher.stop()
    return Measured(
        [
            at_most("calls repeated after kill -9", median(repeated), "", in_flight),
            at_most("calls with an older state after kill -9", max(older), "", 0),
            at_most("until it delivers again", median(idle_s), "s", 5),
        ]
    )


async def failing_lane(machine: Machine, size: float) -> Measured:
    """One order of many always gets 500."""
    lanes = int(10_000 * size)
    ratios = []
    async with receiving() as receiver:
        for _ in range(_RUNS):
            rates = []
            for failing in ([], [1]):
                async with site(machine) as place:
                    await make_due(place.database_url, lanes)
                    await receiver.reset(latency_s=_LATENCY_S, failing=failing)
                    dispatcher = place.dispatcher("failing", receiver.url, SECRET, concurrency=64)
                    await dispatcher.start()
                    rates.append(rate(await receiver.holds(lanes - len(failing), 1)))
                    await dispatcher.stop()
            ratios.append(rates[1] / rates[0])
    return Measured([at_least("rate with one lane failing for ever", median(ratios), "times the rate without", 0.95)])
