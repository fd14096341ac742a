"""Taking a rejected event again, once what kept it away is mended. Rules 3 and 12 of the dispatcher's rules."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from sendto.events.decode import Headers, Rejection
from sendto.events.envelope import CustomerEvent
from sendto.runtime.database import Connection
from sendto_dispatcher.store.intake import take_records
from sendto_dispatcher.store.taking import IntakeRules, Record

Decode = Callable[[bytes | None, bytes | None, Headers], CustomerEvent | Rejection]
"""decodes key, value and headers as the intake does now"""

_LOCK = """
SELECT id, cluster_id, topic, partition, record_offset, record_key, record_value, record_headers, rejected_at
FROM rejected_event WHERE id = $1 FOR UPDATE
"""
_LOCK_STATE = "SELECT carried, changed_at FROM order_state WHERE order_id = $1 AND source = $2 FOR UPDATE"
# Later in the partition where both stand in one, else later in time.
_LATER = """
SELECT EXISTS (
    SELECT 1 FROM intake_event
    WHERE order_id = $1 AND source = $2
        AND CASE WHEN topic = $3 AND partition = $4 THEN record_offset > $6 ELSE taken_at > $5 END)
"""
# The state was changed later, by something that is not in the history any more.
_FORGOTTEN = """
SELECT $3::timestamptz > $4::timestamptz AND NOT EXISTS (
    SELECT 1 FROM intake_event WHERE order_id = $1 AND source = $2 AND taken_at >= $3)
"""
_FORGET = "DELETE FROM rejected_event WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Again:
    """What became of a rejected event: its verdict and the lanes that it changed, or why it stays rejected."""

    verdict: str | None = None
    refused: str | None = None
    order_id: int | None = None
    lanes: int = 0


async def take_again(connection: Connection, rejected_id: int, rules: IntakeRules, decode: Decode) -> Again:
    """Take a rejected event in the caller's transaction; what is taken is no rejected event any more.

    An event with a version finds its place by it. One without counts as newer than everything: it is refused where
    something later of its order was taken.

    Raises:
        asyncpg.SerializationError: its order was changed in between; try again.
    """
    row = await connection.fetchrow(_LOCK, rejected_id)
    if row is None:
        return Again(refused="there is no such rejected event")
    event = decode(row["record_key"], row["record_value"], _headers(row))
    if isinstance(event, Rejection):
        return Again(refused=f"it is still no event of ours: {event.reason}: {event.detail}")
    if event.orderversion is None and (why := await _overtaken(connection, event, row)):
        return Again(refused=why)
    taken = await take_records(connection, row["cluster_id"], [_record(row, event)], rules)
    await connection.execute(_FORGET, rejected_id)
    verdict = next(verdict for verdict, number in taken.verdicts.items() if number)
    return Again(verdict=verdict, order_id=event.order_id, lanes=taken.lanes)


async def _overtaken(connection: Connection, event: CustomerEvent, row: asyncpg.Record) -> str | None:
    """Why an event without a version comes too late, None if it does not. Keeps its order locked."""
    state = await connection.fetchrow(_LOCK_STATE, event.order_id, event.source)
    if state is None:
        return None
    if state["carried"]:
        return "it carries no orderversion, and a carried one is known of this order"
    order, rejected_at = (event.order_id, event.source), row["rejected_at"]
    place = (row["topic"], row["partition"])
    later = await connection.fetchval(_FORGOTTEN, *order, state["changed_at"], rejected_at) or (
        await connection.fetchval(_LATER, *order, *place, rejected_at, row["record_offset"])
    )
    return "it carries no orderversion, and something later of this order was taken" if later else None


def _headers(row: asyncpg.Record) -> list[tuple[str, bytes | None]]:
    return [(name, base64.b64decode(value)) for name, value in row["record_headers"]]


def _record(row: asyncpg.Record, event: CustomerEvent) -> Record:
    return Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        recorded_at=row["rejected_at"],
        key=row["record_key"],
        value=row["record_value"],
        headers=_headers(row),
        decoded=event,
    )
