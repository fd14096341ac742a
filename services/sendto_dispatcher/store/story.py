"""What ops ask of the database: an order's story, providers and their gates. Reads only; no personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.routed_by import ROUTED_BY

_MOST_EVENTS = 100
_MOST_ATTEMPTS = 100

_STATES = f"""
SELECT source, carried, version, present, route, providers, event_id, occurred_at, changed_at, {ROUTED_BY} AS routed_by
FROM order_state WHERE order_id = $1 ORDER BY source
"""
_EVENTS = """
SELECT source, event_id, type, carried, version, topic, partition, record_offset, verdict, route, taken_at
FROM intake_event WHERE order_id = $1 ORDER BY id DESC LIMIT $2
"""
_REJECTED = """
SELECT id, source, topic, partition, record_offset, reason, detail, rejected_at
FROM rejected_event WHERE order_id = $1 ORDER BY id DESC LIMIT $2
"""
_LANE_COLUMNS = """
SELECT l.id, l.order_id, l.provider, l.source, l.reference, l.desired_generation, l.desired_carried, l.desired_version,
    l.desired_present, l.applied_generation, l.applied_carried, l.applied_version, l.applied_present, l.unconfirmed,
    l.remote, l.in_doubt, l.lease_token IS NOT NULL AND l.due_at > clock_timestamp() AS leased, l.leased_by,
    l.lease_token IS NOT NULL AND l.due_at <= clock_timestamp() AS lease_expired, r.heartbeat_at AS holder_heard_at,
    l.due_at, l.attempts, l.failing_since, l.hanging, l.resting, l.reason, l.detail, l.behind_since, l.changed_at,
    p.paused_at, p.paused_by, p.pause_reason, p.held_at, p.hold_reason, p.opened_at, p.probe_at, p.blocked_until,
    p.tokens, p.tokens_at, clock_timestamp() AS now
FROM lane l LEFT JOIN provider_state p ON p.provider = l.provider LEFT JOIN replica r ON r.id = l.leased_by
"""
_LANES = f"{_LANE_COLUMNS} WHERE l.order_id = $1 ORDER BY l.source, l.provider"
_LANES_BY_ID = f"{_LANE_COLUMNS} JOIN unnest($1::bigint[]) WITH ORDINALITY k(id, place) ON k.id = l.id ORDER BY k.place"
_ATTEMPTS = """
SELECT lane_id, provider, source, generation, carried, version, operation, number, outcome, reason, detail, requests,
    replica, started_at, duration_ms, settled
FROM attempt WHERE order_id = $1 ORDER BY id DESC LIMIT $2
"""

# A provider that only events have named has lanes, and so references, but no row of its own. Names are found by going
# from one to the next in the index, not by reading all references.
_PROVIDERS = """
WITH RECURSIVE named AS (
    (SELECT provider FROM lane_reference ORDER BY provider LIMIT 1)
    UNION ALL
    SELECT (SELECT r.provider FROM lane_reference r WHERE r.provider > named.provider ORDER BY r.provider LIMIT 1)
    FROM named WHERE named.provider IS NOT NULL
)
SELECT provider, paused_at, paused_by, pause_reason, held_at, hold_reason, opened_at, probe_at, blocked_until,
    coalesce(tokens, 0) AS tokens, tokens_at
FROM provider_state FULL JOIN (SELECT provider FROM named WHERE provider IS NOT NULL) AS found USING (provider)
ORDER BY provider
"""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRows:
    """All that is kept of one order id, newest first where there is a time."""

    states: list[Row]
    events: list[Row]
    rejected: list[Row]
    lanes: list[Row]
    attempts: list[Row]


async def order_rows(connection: Connection, order_id: int) -> OrderRows:
    """What is kept of an order, of all sources."""
    return OrderRows(
        states=await _rows(connection, _STATES, order_id),
        events=await _rows(connection, _EVENTS, order_id, _MOST_EVENTS),
        rejected=await _rows(connection, _REJECTED, order_id, _MOST_EVENTS),
        lanes=await _rows(connection, _LANES, order_id),
        attempts=await _rows(connection, _ATTEMPTS, order_id, _MOST_ATTEMPTS),
    )


async def delivery_rows(connection: Connection, order_id: int) -> tuple[bool, list[Row]]:
    """Whether any event of the order was taken, and its lanes."""
    known = await connection.fetchval("SELECT EXISTS (SELECT 1 FROM order_state WHERE order_id = $1)", order_id)
    return bool(known), await _rows(connection, _LANES, order_id)


async def lane_rows(connection: Connection, lane_ids: Sequence[int]) -> list[Row]:
    """Lanes by their ids, in this order; those that are not there are left out."""
    return await _rows(connection, _LANES_BY_ID, list(lane_ids))


async def lane_ids_of_order(connection: Connection, order_id: int) -> list[int]:
    """The lanes of an order, of all sources, by id."""
    rows = await connection.fetch("SELECT id FROM lane WHERE order_id = $1 ORDER BY id", order_id)
    return [row["id"] for row in rows]


async def database_now(connection: Connection) -> datetime:
    """The database's clock."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def provider_rows(connection: Connection) -> list[Row]:
    """Every provider that was ever configured, or named by an order, with its gates."""
    return await _rows(connection, _PROVIDERS)


async def _rows(connection: Connection, statement: str, *arguments: object) -> list[Row]:
    return [dict(row) for row in await connection.fetch(statement, *arguments)]
