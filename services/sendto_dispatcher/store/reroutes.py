"""Applications of the routes to all known orders: rows of their own, carried out in small steps by any replica.

One that was begun goes on after a crash, knows how far it is, can be cancelled between two steps, and is stopped as
soon as a live process has another configuration than the one that it means (rule 34).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from sendto.runtime.database import Connection
from sendto_dispatcher.store.reroute import reroute_some
from sendto_dispatcher.store.route_count import RouteCount
from sendto_dispatcher.store.taking import IntakeRules

Row = dict[str, Any]

_BEGIN = """
INSERT INTO ops_reroute (token_name, digest, orders, known) VALUES ($1, $2, $3, $4) RETURNING *
"""
_UNFINISHED = "SELECT id, digest FROM ops_reroute WHERE ended_at IS NULL ORDER BY id LIMIT 1"
_LOCK = "SELECT * FROM ops_reroute WHERE id = $1 AND ended_at IS NULL FOR UPDATE SKIP LOCKED"
_STEP = """
UPDATE ops_reroute SET looked_at = looked_at + $2, routed = routed + $3, lanes = lanes + $4,
    after_order_id = coalesce($5, after_order_id), after_source = coalesce($6, after_source),
    ended_at = CASE WHEN $5::bigint IS NULL THEN clock_timestamp() END
WHERE id = $1
"""
_END = """
UPDATE ops_reroute SET ended_at = clock_timestamp(), cancelled_by = $2, stopped = $3
WHERE id = $1 AND ended_at IS NULL
"""
_ONE = "SELECT * FROM ops_reroute WHERE id = $1"
_LIST = """
SELECT * FROM ops_reroute WHERE id < coalesce($1::bigint, 9223372036854775807) ORDER BY id DESC LIMIT $2
"""


class AlreadyUnderWay(Exception):  # noqa: N818 - named for what happened
    """The routes of this configuration are being applied already."""


@dataclass(frozen=True, slots=True)
class UnfinishedReroute:
    """One that is not at its end."""

    id: int
    digest: str


async def begin_reroute(connection: Connection, digest: str, counted: RouteCount, *, by: str) -> Row:
    """Begin, in the caller's transaction; its row.

    Raises:
        AlreadyUnderWay: another one is not at its end.
    """
    if await unfinished_reroute(connection) is not None:
        raise AlreadyUnderWay
    try:
        row = await connection.fetchrow(_BEGIN, by, digest, counted.orders, counted.known)
    except asyncpg.UniqueViolationError:  # somebody else began at the same moment
        raise AlreadyUnderWay from None
    return dict(row or {})


async def unfinished_reroute(connection: Connection) -> UnfinishedReroute | None:
    """The one that is not at its end; there is one at most."""
    row = await connection.fetchrow(_UNFINISHED)
    return UnfinishedReroute(row["id"], row["digest"]) if row else None


async def step(
    connection: Connection, run_id: int, rules: IntakeRules, *, orders: int, room: Mapping[str, int]
) -> int | None:
    """Take the next step in the caller's transaction: how many orders were looked at; None if it is another's turn.

    Raises:
        ConfigurationsDiffer: as `reroute_some`.
    """
    row = await connection.fetchrow(_LOCK, run_id)
    if row is None:
        return None
    after = (row["after_order_id"], row["after_source"])
    done = await reroute_some(connection, row["digest"], rules, after, limit=orders, room=room)
    last = done.after or (None, None)
    await connection.execute(_STEP, run_id, done.looked_at, done.routed, done.lanes, *last)
    return done.looked_at


async def end_reroute(
    connection: Connection, run_id: int, *, cancelled_by: str | None = None, stopped: str | None = None
) -> bool:
    """End it where it is: orders that have moved stay where they are. Whether there was one to end."""
    status: str = await connection.execute(_END, run_id, cancelled_by, stopped)
    return not status.endswith(" 0")


async def reroute_row(connection: Connection, run_id: int) -> Row | None:
    """One of them."""
    row = await connection.fetchrow(_ONE, run_id)
    return dict(row) if row else None


async def reroute_rows(connection: Connection, *, before_id: int | None, limit: int) -> list[Row]:
    """All of them, newest first."""
    return [dict(row) for row in await connection.fetch(_LIST, before_id, limit)]
