"""The outbox table: what is to be published, in order. Rule 36 of the dispatcher's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from sendto.runtime.database import Connection
from sendto.runtime.pruning import Prune, oldest_first
from sendto_api.outbox.events import NewEvent

CHANNEL = "sendto_outbox"

_UNPUBLISHED = """
SELECT id, order_id, event_id, type, version, occurred_at, value, traceparent
FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
"""
_UNPUBLISHED_OF = """
SELECT event_id, type, version, occurred_at FROM outbox WHERE published_at IS NULL AND order_id = $1 ORDER BY id
"""
_PUBLISHED = "UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])"
_DEPTH = """
SELECT count(*) AS events, coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8 AS age_s
FROM outbox WHERE published_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many events wait, and how long the oldest has."""

    events: int
    age_s: float


def row(event: NewEvent) -> dict[str, object]:
    """An event as a row of the outbox."""
    return {
        "order_id": event.order_id,
        "event_id": event.event_id,
        "type": str(event.type),
        "version": event.version,
        "occurred_at": event.occurred_at,
        "value": event.value,
        "traceparent": event.traceparent,
    }


async def unpublished(connection: Connection, limit: int) -> list[asyncpg.Record]:
    """The oldest events that are not published. Never by a high-water mark: ids commit out of order."""
    return await connection.fetch(_UNPUBLISHED, limit)


async def unpublished_of(connection: Connection, order_id: int) -> list[asyncpg.Record]:
    """An order's events that are not published, oldest first."""
    return await connection.fetch(_UNPUBLISHED_OF, order_id)


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    """They are on the topic."""
    await connection.execute(_PUBLISHED, list(ids))


async def depth(connection: Connection) -> Depth:
    """What waits."""
    row = await connection.fetchrow(_DEPTH)
    return Depth(row["events"], row["age_s"]) if row else Depth(0, 0.0)


def prune_published(keep_s: float) -> Prune:
    """Forgets events that were published so long ago."""
    return oldest_first("outbox", "published_at < {cutoff}", keep_s)
