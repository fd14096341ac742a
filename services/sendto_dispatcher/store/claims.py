"""Claiming due lanes, and reading what they should hold. Rules 13 to 15, 25 and 26 of the dispatcher's rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from sendto.events.customer import Customer, OrderSnapshot
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.lane import Claim, Kept, Lane, State, TakenOver, Version
from sendto_dispatcher.store.identity import IDENTITY

CHANNEL = "sendto_lane"
"""NOTIFY on it says that lanes have become due"""

_OLD_LEASE = "id, due_at, lease_token, lease_generation, leased_by, leased_at"
# Nothing is leased in another database than the one that was cleared: it may have lost what was sent.
_LEASE = f"""
UPDATE lane SET
    lease_token = $1,
    lease_generation = lane.desired_generation,
    lease_doubt = lane.in_doubt,
    in_doubt = true,
    leased_by = $2,
    leased_at = clock_timestamp(),
    due_at = clock_timestamp() + $3 * interval '1 second'
FROM picked WHERE picked.id = lane.id AND {IDENTITY} = $5
RETURNING lane.id, lane.provider, lane.source, lane.order_id, lane.reference, lane.incarnation,
    lane.desired_generation, lane.desired_carried, lane.desired_version, lane.desired_present,
    lane.applied_generation, lane.applied_present, lane.unconfirmed, lane.remote, lane.digest, lane.lease_doubt,
    lane.attempts, lane.hanging, lane.resend_generation, lane.xmin AS seen,
    lane.kept_generation, lane.kept_body::text AS kept_body,
    extract(epoch FROM clock_timestamp() - lane.kept_at)::float8 AS kept_age_s,
    picked.due_at AS was_due_at, picked.lease_token AS old_token, picked.lease_generation AS old_generation,
    picked.leased_by AS old_replica, picked.leased_at AS old_leased_at
"""
# The statement's time is the same for all rows, so that the index is read no further than what is due.
_NOW = "statement_timestamp()"
_SINCE = "coalesce($8::timestamptz, '-infinity')"
_CLAIM = f"""
WITH ready AS (
    SELECT {_OLD_LEASE} FROM lane
    WHERE provider = $4 AND NOT hanging AND due_at >= {_SINCE} AND due_at <= {_NOW}
    ORDER BY due_at LIMIT $6 FOR UPDATE SKIP LOCKED
), hanging AS (
    SELECT {_OLD_LEASE} FROM lane
    WHERE provider = $4 AND hanging AND due_at >= {_SINCE} AND due_at <= {_NOW}
    ORDER BY due_at LIMIT $7 FOR UPDATE SKIP LOCKED
), picked AS (
    SELECT * FROM (SELECT * FROM ready UNION ALL SELECT * FROM hanging) AS found ORDER BY due_at LIMIT $6
)
{_LEASE}"""
# A probe may take a lane before its time: one that waits in ordinary backoff would become due with the others. Of the
# lanes that are due soonest it takes one that is due and has not failed: lanes that fail for ever, however many, would
# each cost an interval before one goes out that can show that the provider is well. No more than so many are looked at:
# those that may not go out are due later than those that may, or are few.
_PROBED_OF = 2_000
_MAY_PROBE = """
    lane.due_at IS NOT NULL AND (lane.lease_token IS NULL OR lane.due_at <= clock_timestamp())
    AND (lane.not_before IS NULL OR lane.not_before <= clock_timestamp()) AND lane.id <> ALL($6::bigint[])
"""
_SOONEST = f"""
SELECT id, attempts > 0 OR due_at > {_NOW} AS later, due_at FROM (
    SELECT id, due_at, attempts, lease_token, not_before FROM lane
    WHERE provider = $4 AND {{which}} AND due_at IS NOT NULL ORDER BY due_at LIMIT {_PROBED_OF}
) AS lane WHERE {_MAY_PROBE}
"""
_CLAIM_PROBE = f"""
WITH soonest AS (
    ({_SOONEST.format(which="NOT hanging")}) UNION ALL ({_SOONEST.format(which="hanging")})
), likely AS (
    SELECT id, later FROM soonest ORDER BY later, due_at LIMIT 10
), picked AS (
    SELECT {_OLD_LEASE} FROM lane JOIN likely USING (id) WHERE {_MAY_PROBE}
    ORDER BY likely.later, lane.due_at LIMIT 1 FOR UPDATE OF lane SKIP LOCKED
)
{_LEASE}"""

_STATES = """
SELECT s.order_id, s.source, s.carried, s.version, s.customer::text AS customer,
    s.order_snapshot::text AS order_snapshot, s.occurred_at, s.traceparent
FROM unnest($1::bigint[], $2::text[]) AS k(order_id, source)
JOIN order_state s ON s.order_id = k.order_id AND s.source = k.source
"""

_TAKEN_OVER = """
INSERT INTO attempt (lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome,
    reason, requests, lease_token, replica, started_at, duration_ms, settled)
SELECT l.id, l.provider, l.source, l.order_id, t.generation, l.desired_carried, l.desired_version, 'unknown',
    l.attempts + 1, 'ambiguous', 'lease_expired', 0, t.token, t.replica, t.leased_at,
    extract(epoch FROM clock_timestamp() - t.leased_at) * 1000, false
FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[])
    AS t(lane_id, generation, token, replica, leased_at)
JOIN lane l ON l.id = t.lane_id
"""

# What is repeated stays as it was: the provider remembers its key from the first time on.
_KEEP = """
UPDATE lane SET kept_generation = k.generation, kept_body = k.body::jsonb, kept_at = clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS k(lane_id, generation, body)
WHERE lane.id = k.lane_id AND lane.kept_generation IS DISTINCT FROM k.generation
"""

_NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(due_at) FROM lane WHERE provider = $1 AND NOT hanging AND due_at IS NOT NULL),
    CASE WHEN $2 THEN (SELECT min(due_at) FROM lane WHERE provider = $1 AND hanging AND due_at IS NOT NULL) END
) - clock_timestamp())::float8
"""


Keep = tuple[int, int, State]
"""What a create with a request key is about to send: lane id, generation, state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """How much to claim: `lanes` in all, of them at most `hanging_lanes` whose last attempt timed out."""

    provider: str
    lanes: int
    hanging_lanes: int
    token: UUID
    replica: str
    lease_s: float
    database: str
    """the identity of the database that was cleared for claims"""
    since: datetime | None = None
    """only lanes that became due since then; None: all"""


async def claim(connection: Connection, request: ClaimRequest) -> list[Claim]:
    """Lease the longest due lanes that no one else is at, mark them in doubt, and read their newest states.

    Runs in the caller's transaction. The states are read by a second statement after the lanes are locked: joined into
    the first one, a state could be older than the desired generation beside it.
    """
    return await _claims(connection, request, _CLAIM, request.lanes, request.hanging_lanes, request.since)


async def claim_probe(connection: Connection, request: ClaimRequest, besides: Sequence[int]) -> list[Claim]:
    """Lease one lane to see whether the provider is well again, another than these unless there is no other."""
    claims = await _claims(connection, request, _CLAIM_PROBE, list(besides))
    if not claims and besides:
        return await _claims(connection, request, _CLAIM_PROBE, [])
    return claims


async def _claims(connection: Connection, request: ClaimRequest, statement: str, *which: object) -> list[Claim]:
    rows = await connection.fetch(
        statement, request.token, request.replica, request.lease_s, request.provider, request.database, *which
    )
    if not rows:
        return []
    states = await states_of(connection, rows)
    claims = [
        Claim(lane=lane_of(row, request.token), state=states.get((row["order_id"], row["source"]))) for row in rows
    ]
    await _record_taken_over(connection, [c.lane for c in claims])
    return claims


async def keep_bodies(connection: Connection, kept: Sequence[Keep]) -> None:
    """Keep what creates with a request key are about to send."""
    if kept:
        await connection.execute(
            _KEEP,
            [lane_id for lane_id, _, _ in kept],
            [generation for _, generation, _ in kept],
            [_kept_body(state) for _, _, state in kept],
        )


async def next_due_s(connection: Connection, provider: str, *, hanging: bool = True) -> float | None:
    """Seconds until a lane of the provider is due, negative if one is overdue; None if none is waiting.

    `hanging` says whether lanes whose last attempt timed out are looked at.
    """
    seconds: float | None = await connection.fetchval(_NEXT_DUE, provider, hanging)
    return seconds


async def states_of(connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[tuple[int, str], State]:
    """The newest states of these lanes' orders, by order and source."""
    found = await connection.fetch(_STATES, [row["order_id"] for row in rows], [row["source"] for row in rows])
    return {(row["order_id"], row["source"]): _state(row) for row in found}


def _state(row: asyncpg.Record) -> State:
    return State(
        version=Version(carried=row["carried"], number=row["version"]),
        customer=Customer.model_validate_json(row["customer"]) if row["customer"] else None,
        order=OrderSnapshot.model_validate_json(row["order_snapshot"]) if row["order_snapshot"] else None,
        occurred_at=row["occurred_at"],
        traceparent=row["traceparent"],
    )


def lane_of(row: asyncpg.Record, token: UUID) -> Lane:
    """The lane in a row with the columns that a claim returns."""
    return Lane(
        id=row["id"],
        provider=row["provider"],
        source=row["source"],
        order_id=row["order_id"],
        reference=row["reference"],
        incarnation=row["incarnation"],
        generation=row["desired_generation"],
        version=Version(carried=row["desired_carried"], number=row["desired_version"]),
        desired_present=row["desired_present"],
        applied_generation=row["applied_generation"],
        applied_present=row["applied_present"],
        unconfirmed=row["unconfirmed"],
        remote=row["remote"],
        digest=row["digest"],
        in_doubt=row["lease_doubt"],
        kept=_kept(row),
        attempts=row["attempts"],
        lease_token=token,
        hanging=row["hanging"],
        taken_over=_taken_over(row),
        due_at=row.get("was_due_at"),
        resend_generation=row.get("resend_generation", 0),
        seen=row.get("seen"),
    )


def _taken_over(row: asyncpg.Record) -> TakenOver | None:
    if row["old_token"] is None:
        return None
    return TakenOver(
        token=row["old_token"],
        generation=row["old_generation"],
        replica=row["old_replica"],
        leased_at=row["old_leased_at"],
    )


class _KeptBody(msgspec.Struct):
    """A kept state as JSON in the lane's row."""

    carried: bool
    version: int
    customer: msgspec.Raw
    order: msgspec.Raw
    occurred_at: datetime


def _kept_body(state: State) -> str:
    body = _KeptBody(
        carried=state.version.carried,
        version=state.version.number,
        customer=msgspec.Raw(state.customer.model_dump_json().encode() if state.customer else b"null"),
        order=msgspec.Raw(state.order.model_dump_json().encode() if state.order else b"null"),
        occurred_at=state.occurred_at,
    )
    return msgspec.json.encode(body).decode()


def _kept(row: asyncpg.Record) -> Kept | None:
    if row["kept_generation"] is None:
        return None
    state = None
    if row["kept_body"]:
        body = msgspec.json.decode(row["kept_body"], type=_KeptBody)
        order = bytes(body.order)
        state = State(
            version=Version(carried=body.carried, number=body.version),
            customer=Customer.model_validate_json(bytes(body.customer)),
            order=OrderSnapshot.model_validate_json(order) if order != b"null" else None,
            occurred_at=body.occurred_at,
        )
    return Kept(generation=row["kept_generation"], state=state, age_s=row["kept_age_s"])


async def _record_taken_over(connection: Connection, lanes: Sequence[Lane]) -> None:
    """Write the attempts whose leases ran out into the history: nobody knows what became of them."""
    taken = [(lane.id, lane.taken_over) for lane in lanes if lane.taken_over is not None]
    if taken:
        await connection.execute(
            _TAKEN_OVER,
            [lane_id for lane_id, _ in taken],
            [over.generation for _, over in taken],
            [over.token for _, over in taken],
            [over.replica for _, over in taken],
            [over.leased_at for _, over in taken],
        )
