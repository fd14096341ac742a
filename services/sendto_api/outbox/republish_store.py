"""Publishing again, in the database: a window of the outbox, or every order's current state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sendto.runtime.database import Connection
from sendto_api.orders.store import Found, select_orders
from sendto_api.outbox.events import NewEvent
from sendto_api.outbox.store import row

_BOUNDS = """
SELECT min(id) AS first_id, count(*) AS events FROM outbox WHERE published_at >= $1 AND published_at < $2
"""
_AGAIN = """
WITH chosen AS (
    SELECT id FROM outbox WHERE id >= $1 AND published_at >= $2 AND published_at < $3 ORDER BY id LIMIT $4 FOR UPDATE),
again AS (UPDATE outbox SET published_at = NULL FROM chosen WHERE outbox.id = chosen.id)
SELECT max(id) AS last_id, count(*) AS events FROM chosen
"""
_BEGIN = "INSERT INTO republication DEFAULT VALUES ON CONFLICT DO NOTHING"
_UNFINISHED = """
SELECT id, started_at, after_order_id, orders FROM republication WHERE finished_at IS NULL FOR UPDATE
"""
_CLAIM = 'SELECT order_id FROM "order" WHERE order_id > $1 ORDER BY order_id LIMIT $2 FOR UPDATE'
_RAISE = """
WITH raised AS (
    UPDATE "order" o SET version = n.version FROM unnest($1::bigint[], $2::bigint[]) AS n(order_id, version)
    WHERE o.order_id = n.order_id),
told AS (
    INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value)
    SELECT * FROM unnest($1::bigint[], $3::uuid[], $4::text[], $2::bigint[], $5::timestamptz[], $6::text[]))
UPDATE republication SET after_order_id = $7, orders = orders + $8 WHERE id = $9
"""
_FINISH = "UPDATE republication SET finished_at = clock_timestamp() WHERE id = $1"
_DATABASE_TIME = "SELECT clock_timestamp()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a publication of everything has come."""

    id: int
    started_at: datetime
    after_order_id: int
    orders: int


async def database_time(connection: Connection) -> datetime:
    """The time by which rows were marked."""
    now: datetime = await connection.fetchval(_DATABASE_TIME)
    return now


async def window_of(connection: Connection, since: datetime, until: datetime) -> tuple[int | None, int]:
    """The first published event of a window, and how many there are."""
    found = await connection.fetchrow(_BOUNDS, since, until)
    return (found["first_id"], found["events"]) if found else (None, 0)


async def mark_unpublished(
    connection: Connection, from_id: int, since: datetime, until: datetime, limit: int
) -> tuple[int | None, int]:
    """Let some events of a window, from an id on, be published again; the last of them, and how many they are."""
    found = await connection.fetchrow(_AGAIN, from_id, since, until, limit)
    return (found["last_id"], found["events"]) if found else (None, 0)


async def begin_or_go_on(connection: Connection) -> Progress:
    """The unfinished publication of everything, or a new one; locked until the transaction ends."""
    await connection.execute(_BEGIN)
    found = await connection.fetchrow(_UNFINISHED)
    if found is None:
        raise RuntimeError("the publication that was just begun is gone")
    return Progress(**dict(found))


async def claim_orders(connection: Connection, after_order_id: int, limit: int) -> list[Found]:
    """The next orders, locked and then read as they stand."""
    claimed = await connection.fetch(_CLAIM, after_order_id, limit)
    return await select_orders(connection, [one["order_id"] for one in claimed])


async def raise_and_tell(connection: Connection, progress: Progress, events: Sequence[NewEvent]) -> None:
    """Raise the orders' versions, store their events, note how far we are."""
    rows: list[dict[str, Any]] = [row(event) for event in events]
    await connection.execute(
        _RAISE,
        *([one[name] for one in rows] for name in ("order_id", "version", "event_id", "type", "occurred_at", "value")),
        rows[-1]["order_id"],
        len(rows),
        progress.id,
    )


async def finish(connection: Connection, progress: Progress) -> None:
    """Everything is in the outbox."""
    await connection.execute(_FINISH, progress.id)
