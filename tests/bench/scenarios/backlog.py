"""A million lanes that became due in an outage."""

import asyncpg

from bench.bare_loop import SECRET
from bench.figures import Curve, Figure, Measured, at_most
from bench.lanes import make_due
from bench.machine import Machine, receiving, site
from bench.scenarios.delivery import rate


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
