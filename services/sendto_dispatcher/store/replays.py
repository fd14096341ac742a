"""Replays of many lanes: rows of their own, carried out in small steps that any replica may take.

A run that was begun goes on after a crash, knows how far it is, and can be cancelled between two steps.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.replay import replay
from sendto_dispatcher.store.selection import ChosenState, Selection, last_lane_id, next_lanes

Row = dict[str, Any]

_BEGIN = """
INSERT INTO ops_replay (token_name, provider, state, reason, changed_after, changed_before, lanes, until_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
"""
_UNFINISHED = "SELECT id, provider FROM ops_replay WHERE ended_at IS NULL ORDER BY id"
_LOCK = "SELECT * FROM ops_replay WHERE id = $1 AND ended_at IS NULL FOR UPDATE SKIP LOCKED"
_STEP = """
UPDATE ops_replay SET looked_at = looked_at + $2, replayed = replayed + $3, after_id = $4,
    ended_at = CASE WHEN $5 THEN clock_timestamp() END
WHERE id = $1
"""
_CANCEL = "UPDATE ops_replay SET ended_at = clock_timestamp(), cancelled_by = $2 WHERE id = $1 AND ended_at IS NULL"
_ONE = "SELECT * FROM ops_replay WHERE id = $1"
_LIST = """
SELECT * FROM ops_replay WHERE id < coalesce($1::bigint, 9223372036854775807) ORDER BY id DESC LIMIT $2
"""
# Lanes under a lease are not counted: their due time is the lease's end.
_DUE = """
SELECT count(*) FROM (
    SELECT FROM lane WHERE provider = $1 AND NOT hanging AND due_at IS NOT NULL AND due_at <= clock_timestamp() LIMIT $2
) AS due
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that is not at its end."""

    id: int
    provider: str


async def begin_replay(connection: Connection, selection: Selection, *, by: str, lanes: int) -> Row:
    """Start a run over the lanes that are there now; its row. `lanes` is how many were counted."""
    chosen: dict[str, str | datetime | None] = asdict(selection)
    until_id = await last_lane_id(connection)
    row = await connection.fetchrow(_BEGIN, by, *chosen.values(), lanes, until_id)
    return dict(row or {})


async def unfinished_replays(connection: Connection) -> list[Unfinished]:
    """The runs that are not at their end, oldest first."""
    return [Unfinished(row["id"], row["provider"]) for row in await connection.fetch(_UNFINISHED)]


async def due_lanes(connection: Connection, provider: str, *, at_most: int) -> int:
    """How many of the provider's lanes are due and not being served; counts no further than `at_most`."""
    counted: int = await connection.fetchval(_DUE, provider, at_most)
    return counted


async def replay_some(connection: Connection, run_id: int, *, lanes: int) -> int:
    """Take a run's next step, in the caller's transaction: how many lanes became due.

    None do where the run is over, was cancelled, or another replica is at it.
    """
    row = await connection.fetchrow(_LOCK, run_id)
    if row is None:
        return 0
    state = ChosenState(row["state"]) if row["state"] else None
    selection = Selection(**{name: row[name] for name in Selection.__dataclass_fields__} | {"state": state})
    chosen = await next_lanes(connection, selection, after_id=row["after_id"], until_id=row["until_id"], limit=lanes)
    replayed = await replay(connection, chosen.ids) if chosen.ids else 0
    await connection.execute(_STEP, run_id, len(chosen.ids), replayed, chosen.after_id, chosen.last)
    return replayed


async def cancel_replay(connection: Connection, run_id: int, *, by: str) -> bool:
    """End a run where it is: what became due stays due. Whether there was one to end."""
    status: str = await connection.execute(_CANCEL, run_id, by)
    return not status.endswith(" 0")


async def replay_row(connection: Connection, run_id: int) -> Row | None:
    """One run."""
    row = await connection.fetchrow(_ONE, run_id)
    return dict(row) if row else None


async def replay_rows(connection: Connection, *, before_id: int | None, limit: int) -> list[Row]:
    """The runs, newest first."""
    return [dict(row) for row in await connection.fetch(_LIST, before_id, limit)]
