"""How fast events become lanes, and how fast those that say nothing new are dropped."""

from statistics import median

import asyncpg

from bench.bare_loop import SECRET
from bench.figures import Measured, at_least, told
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
_PAUSE = "INSERT INTO provider_state (provider, paused_at, paused_by) VALUES ('bench', now(), 'bench')"
_RUNS = 3


async def intake(machine: Machine, size: float) -> Measured:
    """The provider is paused, so that its lanes only wait; or not enabled: then their references are owned, too."""
    orders = int(50_000 * size)
    runs = [await _taken(machine, orders, enabled=True) for _ in range(_RUNS)]
    owned = [await _taken(machine, orders, enabled=False) for _ in range(_RUNS)]
    return Measured(
        [
            at_least("events into lanes", median(taken for taken, _ in runs), "/s", 12_000),
            at_least("repeated events dropped", median(dropped for _, dropped in runs), "/s", 20_000),
            told("events into lanes whose references are owned", median(taken for taken, _ in owned), "/s"),
        ]
    )


async def _taken(machine: Machine, orders: int, *, enabled: bool) -> tuple[float, float]:
    """Events a second that became lanes, and that were dropped when all of them came again."""
    async with site(machine) as place:
        await fill(machine.kafka, place.topics.events, orders)
        await _run(place, _PAUSE)
        dispatcher = place.dispatcher("intake", _NOWHERE, SECRET, enabled=enabled)
        await dispatcher.start()
        into_lanes = await _rate(place, orders, ["counted", "folded"])
        before = await _changed(place)
        await fill(machine.kafka, place.topics.events, orders)
        dropped = await _rate(place, 2 * orders, ["repeated", "stale"])
        assert await _changed(place) == before, "a repeated event wrote a lane"
        await dispatcher.stop()
    return into_lanes, dropped


async def _run(place: Site, statement: str) -> None:
    connection = await asyncpg.connect(place.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
