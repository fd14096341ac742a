"""The lanes in numbers, at a cost that does not grow with the table.

They are counted a stretch at a time, by id, for the whole fleet: a row holds the last whole count and the one that is
under way, and whichever process comes first takes the next step. Each lane is counted once, as it is at that moment.
The oldest are found by indexes, now and then as well: what was settled since the last look stands in front of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.story import provider_rows

STRETCH = 5_000
"""the most lanes that one step counts; a table of fewer is counted by one"""

LANE_STATE = """
CASE WHEN lease_token IS NOT NULL AND due_at > clock_timestamp() THEN 'leased'
     WHEN resting IS NOT NULL THEN resting
     WHEN unconfirmed AND applied_generation = desired_generation THEN 'unconfirmed'
     WHEN due_at IS NULL THEN 'converged'
     WHEN due_at <= clock_timestamp() THEN 'due'
     ELSE 'waiting' END
"""
"""The state of a lane in one word, as metrics count it."""

# What is written here is lost with nothing: it is counted again.
_RELAXED = "SET LOCAL synchronous_commit = off"
_TURN = """
SELECT after_id, part, began_at, clock_timestamp() AS now FROM lane_census
WHERE next_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
"""
_WAITS = """
SELECT extract(epoch FROM least(next_at, oldest_next_at) - clock_timestamp())::float8 FROM lane_census
"""
_COUNT = f"""
SELECT provider, state, count(*) AS lanes, max(id) AS last_id
FROM (SELECT id, provider, {LANE_STATE} AS state FROM lane WHERE id > $1 ORDER BY id LIMIT $2) AS stretch
GROUP BY provider, state
"""
# The first count makes no pauses: nothing can be told before it.
_GO_ON = """
UPDATE lane_census SET after_id = $1, part = $2, began_at = $3, next_at = clock_timestamp() +
    CASE WHEN counted_at IS NULL THEN '0' ELSE extract(epoch FROM clock_timestamp() - $4) * $5 * interval '1 second' END
"""
_END = """
UPDATE lane_census SET after_id = 0, part = '{}', began_at = NULL, counts = $1, counted_at = $2, next_at =
    clock_timestamp() + greatest(extract(epoch FROM clock_timestamp() - $3) * $4, $5) * interval '1 second'
"""
_OLDEST_TURN = """
SELECT clock_timestamp() AS now FROM lane_census WHERE oldest_next_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
"""
_OLDEST = """
SELECT p.provider,
    (SELECT extract(epoch FROM l.behind_since)::float8 FROM lane l
     WHERE l.provider = p.provider AND l.behind_since IS NOT NULL AND l.resting IS NULL
     ORDER BY l.behind_since LIMIT 1) AS behind,
    (SELECT min(extract(epoch FROM due.due_at))::float8
     FROM (VALUES (false), (true)) AS h(hanging) CROSS JOIN LATERAL (
        SELECT l.due_at FROM lane l WHERE l.provider = p.provider AND l.hanging = h.hanging AND l.due_at IS NOT NULL
        ORDER BY l.due_at LIMIT 1
     ) AS due) AS due
FROM unnest($1::text[]) AS p(provider)
"""
_KEEP_OLDEST = """
UPDATE lane_census SET oldest = $1, oldest_next_at =
    clock_timestamp() + greatest(extract(epoch FROM clock_timestamp() - $2) * $3, $4) * interval '1 second'
"""
# What nobody has looked for lately is not told: the oldest of that time may be settled long since.
_NUMBERS = """
SELECT counts, counted_at, CASE WHEN oldest_next_at > clock_timestamp() - $1 * interval '1 second' THEN oldest
                           ELSE '{}' END AS oldest, clock_timestamp() AS now
FROM lane_census
"""
_LATE_S = 30.0

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneNumbers:
    """Lanes by (provider, state), and each provider's oldest unapplied change and oldest overdue lane, in seconds.

    Of a provider that was not looked at lately nothing is known of the oldest.
    """

    now: datetime
    """by the database's clock"""
    counts: Mapping[tuple[str, str], int]
    counted_at: datetime | None
    """when the count began that these are; None: none has come to its end yet"""
    behind_s: Mapping[str, float]
    overdue_s: Mapping[str, float]


async def count_some(connection: Connection, *, pause: float, every_s: float) -> float:
    """Count the next stretch in the caller's transaction, and find the oldest, as far as it is time for either.

    Nothing is done while another process is at it. A step is followed by a pause of `pause` times what it took; a count
    begins `every_s` after the last one's end at the earliest. The seconds until the next step.
    """
    await _find_oldest(connection, pause, every_s)
    turn = await connection.fetchrow(_TURN)
    if turn is not None:
        await connection.execute(_RELAXED)
        await _count(connection, dict(turn), pause, every_s)
    waits_s: float = await connection.fetchval(_WAITS)
    return max(waits_s, 0.0)


async def _count(connection: Connection, turn: dict[str, Any], pause: float, every_s: float) -> None:
    found = await connection.fetch(_COUNT, turn["after_id"], STRETCH)
    counts: Counts = {provider: dict(states) for provider, states in turn["part"].items()}
    for row in found:
        states = counts.setdefault(row["provider"], {})
        states[row["state"]] = states.get(row["state"], 0) + row["lanes"]
    began_at = turn["began_at"] or turn["now"]
    if sum(row["lanes"] for row in found) < STRETCH:
        await connection.execute(_END, counts, began_at, turn["now"], pause, every_s)
    else:
        last_id = max(row["last_id"] for row in found)
        await connection.execute(_GO_ON, last_id, counts, began_at, turn["now"], pause)


async def _find_oldest(connection: Connection, pause: float, every_s: float) -> None:
    turn = await connection.fetchrow(_OLDEST_TURN)
    if turn is None:
        return
    await connection.execute(_RELAXED)
    providers = [row["provider"] for row in await provider_rows(connection)]
    found = await connection.fetch(_OLDEST, providers)
    oldest = {row["provider"]: {name: row[name] for name in ("behind", "due")} for row in found}
    await connection.execute(_KEEP_OLDEST, oldest, turn["now"], pause, every_s)


async def lane_numbers(connection: Connection) -> LaneNumbers:
    """The lanes in numbers, as they were counted last, and how old by now the oldest are that were found last."""
    row: Any = await connection.fetchrow(_NUMBERS, _LATE_S)
    now_s = row["now"].timestamp()
    return LaneNumbers(
        now=row["now"],
        counts={(name, state): lanes for name, states in row["counts"].items() for state, lanes in states.items()},
        counted_at=row["counted_at"],
        behind_s=_ages_s(row["oldest"], "behind", now_s),
        overdue_s=_ages_s(row["oldest"], "due", now_s),
    )


def _ages_s(oldest: Mapping[str, Mapping[str, float | None]], name: str, now_s: float) -> dict[str, float]:
    since = {provider: known[name] for provider, known in oldest.items()}
    return {provider: 0.0 if at is None else max(now_s - at, 0.0) for provider, at in since.items()}
