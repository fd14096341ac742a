"""How fast events become lanes, and how fast those that say nothing new are dropped."""

from statistics import median

import asyncpg

from bench.bare_loop import SECRET
from bench.figures import Measured, at_least
from bench.machine import Machine, Site, comes, site
from bench.topic import fill

_NOWHERE = "http://127.0.0.1:9"
# A batch is stamped when it begins: the last one's time is not known, and it is not counted.
_TAKEN = """
WITH taken AS (SELECT taken_at FROM intake_event WHERE verdict = ANY($1::text[])),
    span AS (SELECT min(taken_at) AS began, max(taken_at) AS ended FROM taken)
SELECT count(*) FILTER (WHERE taken_at < ended) AS events, extract(epoch FROM max(ended - began))::float8 AS seconds
FROM taken, span
"""
_UP_TO = "SELECT coalesce(sum(next_offset), 0)::bigint FROM intake_position"
"""read all the time: it must cost nothing"""
_RUNS = 3


async def intake(machine: Machine, size: float) -> Measured:
    """The provider is not enabled, so that its lanes only wait."""
    orders = int(50_000 * size)
    into_lanes, dropped, written = [], [], 0
    for _ in range(_RUNS):
        async with site(machine) as place:
            await fill(machine.kafka, place.topics.events, orders)
            dispatcher = place.dispatcher("intake", _NOWHERE, SECRET, enabled=False)
            await dispatcher.start()
            into_lanes.append(await _rate(place, orders, ["counted", "folded"]))
            before = await _changed(place)
            await fill(machine.kafka, place.topics.events, orders)
            dropped.append(await _rate(place, 2 * orders, ["repeated", "stale"]))
            written += await _changed(place) - before
            await dispatcher.stop()
    assert written == 0, "a repeated event wrote a lane"
    return Measured(
        [
            at_least("events into lanes", median(into_lanes), "/s", 12_000),
            at_least("repeated events dropped", median(dropped), "/s", 20_000),
        ]
    )


async def _rate(place: Site, up_to: int, verdicts: list[str]) -> float:
    """Wait until so many records have been taken; how many a second were, of these verdicts."""
    connection = await asyncpg.connect(place.database_url)

    async def all_taken() -> bool:
        return int(await connection.fetchval(_UP_TO)) >= up_to

    try:
        await comes(all_taken)
        row = await connection.fetchrow(_TAKEN, verdicts)
        assert row is not None
        return float(row["events"] / row["seconds"])
    finally:
        await connection.close()


async def _changed(place: Site) -> int:
    connection = await asyncpg.connect(place.database_url)
    try:
        changed: int = await connection.fetchval("SELECT coalesce(sum(desired_generation), 0)::bigint FROM lane")
        return changed
    finally:
        await connection.close()
