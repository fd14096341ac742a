"""Delivery events: rows written with what they tell of, and published from there. Rule 9 of the dispatcher's rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from sendto.events.delivery import DeliveryData
from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.told import Told

_WRITE = """
INSERT INTO delivery_event (event_id, type, order_id, data)
SELECT n.event_id, n.type, n.order_id, n.data::jsonb
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) AS n(event_id, type, order_id, data)
"""
_UNPUBLISHED = """
SELECT id, event_id, type, order_id, data::text AS data, occurred_at
FROM delivery_event WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_PUBLISHED = "UPDATE delivery_event SET published_at = now() WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvent:
    """A delivery event on its way to the topic."""

    id: int
    event_id: UUID
    type: str
    order_id: int
    data: str
    occurred_at: datetime


async def write_deliveries(connection: Connection, told: Sequence[Told]) -> None:
    """Tell of changes, in the transaction that makes them."""
    if told:
        await connection.execute(
            _WRITE,
            [new_uuid() for _ in told],
            [str(one.type) for one in told],
            [one.order_id for one in told],
            [_data(one) for one in told],
        )


async def lock_unpublished(connection: Connection, limit: int) -> list[DeliveryEvent]:
    """The oldest ones that no one else is publishing; they stay locked until the transaction ends."""
    return [_event(row) for row in await connection.fetch(_UNPUBLISHED, limit)]


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    """They are on the topic."""
    await connection.execute(_PUBLISHED, list(ids))


def _data(one: Told) -> str:
    return DeliveryData.model_construct(
        order_id=one.order_id,
        source=one.source,
        provider=one.provider,
        orderversion=one.version,
        attempts=one.attempts,
        remote_ref=one.remote,
        reason=one.reason,
    ).model_dump_json()


def _event(row: asyncpg.Record) -> DeliveryEvent:
    return DeliveryEvent(**dict(row))
