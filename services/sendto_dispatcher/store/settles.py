"""Settling attempts: fenced, in batches, decided by `domain.settle` under the lanes' locks.

Rules 13, 15, 16 and 32 of the dispatcher's rules.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from sendto.events.delivery import DeliveryType
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.endings import CONFIRM, Finished
from sendto_dispatcher.domain.lane import Resting, Version
from sendto_dispatcher.domain.settle import Columns, Policy, settle
from sendto_dispatcher.domain.told import Told, told_of
from sendto_dispatcher.store.deliveries import write_deliveries
from sendto_dispatcher.store.references import REFERENCE_TAKEN, Wanted, own

_LOCK = """
SELECT id, provider, source, order_id, lease_token, reference, incarnation, desired_generation, desired_present,
    applied_generation, applied_carried, applied_version, applied_present, unconfirmed, remote, digest,
    resend_generation, in_doubt, lease_generation, lease_doubt, kept_generation, due_at, not_before, attempts,
    failing_since, failing_stopped_s, hanging, resting, reason, detail, behind_since, clock_timestamp() AS now,
    (SELECT stopped_s + coalesce(extract(epoch FROM clock_timestamp() - stopped_since), 0)::float8
        FROM provider_state WHERE provider_state.provider = lane.provider) AS stopped_s
FROM lane WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE
"""

_WRITE = """
UPDATE lane SET
    reference = n.reference, incarnation = n.incarnation, applied_generation = n.applied_generation,
    applied_carried = n.applied_carried, applied_version = n.applied_version, applied_present = n.applied_present,
    unconfirmed = n.unconfirmed, remote = n.remote, digest = n.digest, in_doubt = n.in_doubt,
    kept_generation = CASE WHEN n.kept THEN lane.kept_generation END,
    kept_body = CASE WHEN n.kept THEN lane.kept_body END,
    kept_at = CASE WHEN n.kept THEN lane.kept_at END,
    desired_generation = n.desired_generation, due_at = n.due_at, not_before = n.not_before, attempts = n.attempts,
    failing_since = n.failing_since, failing_stopped_s = n.failing_stopped_s, hanging = n.hanging,
    resting = n.resting, reason = n.reason, detail = n.detail, behind_since = n.behind_since,
    lease_token = NULL, lease_generation = NULL, lease_doubt = NULL, leased_by = NULL, leased_at = NULL,
    changed_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[], $5::bool[], $6::bigint[], $7::bool[], $8::bool[],
    $9::text[], $10::bytea[], $11::bool[], $12::bool[], $13::timestamptz[], $14::int[], $15::timestamptz[],
    $16::float8[], $17::bool[], $18::text[], $19::text[], $20::text[], $21::timestamptz[], $22::bigint[],
    $23::timestamptz[])
    AS n(id, reference, incarnation, applied_generation, applied_carried, applied_version, applied_present,
        unconfirmed, remote, digest, in_doubt, kept, due_at, attempts, failing_since, failing_stopped_s, hanging,
        resting, reason, detail, behind_since, desired_generation, not_before)
WHERE lane.id = n.id
"""

# What was sent under a lease that has passed to someone else may reach the provider after newer state: raise the
# generation, so that the newest state is sent once more, last; not before a look-up can see what was sent.
_OVERTAKEN = """
UPDATE lane SET
    desired_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    resend_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    in_doubt = true,
    lease_doubt = CASE WHEN lease_token IS NOT NULL THEN true END,
    unconfirmed = false,
    not_before = CASE WHEN o.lag_s > 0 THEN statement_timestamp() + o.lag_s * interval '1 second' END,
    due_at = CASE WHEN lease_token IS NOT NULL THEN due_at
                  WHEN resting IN ('unknown', 'taken') THEN NULL
                  ELSE statement_timestamp() + o.lag_s * interval '1 second' END,
    resting = CASE WHEN resting IN ('unknown', 'taken') THEN resting END,
    behind_since = coalesce(behind_since, clock_timestamp())
FROM unnest($1::bigint[], $2::float8[]) AS o(id, lag_s)
WHERE lane.id = o.id
"""

_HISTORY = """
INSERT INTO attempt (lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome,
    reason, detail, requests, lease_token, replica, started_at, duration_ms, settled)
SELECT h.lane_id, h.provider, h.source, h.order_id, h.generation, h.carried, h.version, h.operation, h.number,
    h.outcome, h.reason, h.detail, h.requests, h.lease_token, $14,
    clock_timestamp() - h.duration_ms * interval '1 millisecond', h.duration_ms, h.settled
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bool[], $7::bigint[], $8::text[],
    $9::int[], $10::text[], $11::text[], $12::text[], $13::int[], $15::uuid[], $16::float8[], $17::bool[])
    AS h(lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome, reason, detail,
        requests, lease_token, duration_ms, settled)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """An attempt for the history: what the engine knows of it beside the lane's row."""

    provider: str
    source: str
    order_id: int
    finished: Finished
    outcome: str
    reason: str | None
    detail: str | None
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a settle: `fenced` are the lanes whose lease had passed to someone else."""

    lanes: dict[int, Columns]
    fenced: frozenset[int]


async def write_settles(
    connection: Connection,
    records: Sequence[AttemptRecord],
    policy_of: Callable[[str], Policy],
    *,
    replica: str,
    tell: bool = False,
) -> Settled:
    """Settle a batch of attempts, at most one of each lane, in the caller's transaction.

    `tell`: write what upstream systems are told of it, too.
    """
    rows = {row["id"]: row for row in await connection.fetch(_LOCK, [r.finished.lane_id for r in records])}
    written: dict[int, Columns] = {}
    overtaken: dict[int, float] = {}
    passed: list[bool] = []
    for record in records:
        finished = record.finished
        row = rows.get(finished.lane_id)
        policy = policy_of(record.provider)
        passed.append(row is not None and row["lease_token"] == finished.lease_token)
        if row is not None and passed[-1]:
            policy = replace(policy, stopped_s=row["stopped_s"] or 0.0)
            written[finished.lane_id] = settle(_columns(row), finished, policy, row["now"])
        elif finished.sent and finished.operation != CONFIRM:
            overtaken[finished.lane_id] = policy.capabilities.lookup_lag_s
    if written:
        written |= await _own_new_references(connection, rows, written)
        await connection.execute(_WRITE, *_transposed(written))
    if tell:
        await write_deliveries(connection, list(_told(records, rows, written)))
    if overtaken:
        await connection.execute(_OVERTAKEN, list(overtaken), list(overtaken.values()))
    await _write_history(connection, records, passed, replica)
    fenced = frozenset(r.finished.lane_id for r, through in zip(records, passed, strict=True) if not through)
    return Settled(lanes=written, fenced=fenced)


def _columns(row: asyncpg.Record) -> Columns:
    version = row["applied_version"]
    return Columns(
        reference=row["reference"],
        incarnation=row["incarnation"],
        desired_generation=row["desired_generation"],
        desired_present=row["desired_present"],
        applied_generation=row["applied_generation"],
        applied_version=None if version is None else Version(carried=row["applied_carried"], number=version),
        applied_present=row["applied_present"],
        unconfirmed=row["unconfirmed"],
        remote=row["remote"],
        digest=row["digest"],
        resend_generation=row["resend_generation"],
        in_doubt=row["in_doubt"],
        lease_generation=row["lease_generation"],
        lease_doubt=bool(row["lease_doubt"]),
        kept=row["kept_generation"] is not None,
        due_at=row["due_at"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        failing_since=row["failing_since"],
        failing_stopped_s=row["failing_stopped_s"],
        hanging=row["hanging"],
        resting=row["resting"],
        reason=row["reason"],
        detail=row["detail"],
        behind_since=row["behind_since"],
    )


def _transposed(written: dict[int, Columns]) -> list[list[Any]]:
    """The arrays of `_WRITE`, in its order."""
    return [list(column) for column in zip(*(_values(lane_id, lane) for lane_id, lane in written.items()), strict=True)]


def _values(lane_id: int, lane: Columns) -> tuple[Any, ...]:
    version = lane.applied_version
    return (
        lane_id,
        lane.reference,
        lane.incarnation,
        lane.applied_generation,
        version.carried if version else None,
        version.number if version else None,
        lane.applied_present,
        lane.unconfirmed,
        lane.remote,
        lane.digest,
        lane.in_doubt,
        lane.kept,
        lane.due_at,
        lane.attempts,
        lane.failing_since,
        lane.failing_stopped_s,
        lane.hanging,
        lane.resting,
        lane.reason,
        lane.detail,
        lane.behind_since,
        lane.desired_generation,
        lane.not_before,
    )


async def _own_new_references(
    connection: Connection, rows: dict[int, asyncpg.Record], written: dict[int, Columns]
) -> dict[int, Columns]:
    """A lane whose reference is spent has got a new one: own it. Lanes that cannot, and should hold something, rest."""
    new: dict[Wanted, int] = {}
    for lane_id, lane in written.items():
        row = rows[lane_id]
        if lane.reference != row["reference"]:
            new[(row["order_id"], row["source"]), row["provider"], lane.reference] = lane_id
    taken = new.keys() - await own(connection, sorted(new)) if new else set()
    reason, detail = REFERENCE_TAKEN
    return {
        new[one]: replace(written[new[one]], resting=Resting.TAKEN, reason=reason, detail=detail, due_at=None)
        for one in taken
        if written[new[one]].desired_present
    }


def _told(
    records: Sequence[AttemptRecord], rows: dict[int, asyncpg.Record], written: dict[int, Columns]
) -> Iterator[Told]:
    for record in records:
        lane_id = record.finished.lane_id
        after = written.get(lane_id)
        if after is None:
            continue
        kind = told_of(_columns(rows[lane_id]), after, record.finished.operation)
        if kind is None:
            continue
        dead = kind is DeliveryType.DEAD
        version = record.finished.version if dead else after.applied_version
        yield Told(
            type=kind,
            order_id=record.order_id,
            source=record.source,
            provider=record.provider,
            version=version.shown if version else None,
            attempts=record.finished.number if record.finished.operation else 0,
            remote=after.remote,
            reason=after.reason if dead else None,
        )


async def _write_history(
    connection: Connection, records: Sequence[AttemptRecord], passed: Sequence[bool], replica: str
) -> None:
    """Attempts that called the provider, or tried to, go into the history; what needed no call does not."""
    through = [one for record, one in zip(records, passed, strict=True) if record.finished.operation is not None]
    called = [record for record in records if record.finished.operation is not None]
    if not called:
        return
    finished = [record.finished for record in called]
    await connection.execute(
        _HISTORY,
        [f.lane_id for f in finished],
        [r.provider for r in called],
        [r.source for r in called],
        [r.order_id for r in called],
        [f.generation for f in finished],
        [f.version.carried for f in finished],
        [f.version.number for f in finished],
        [str(f.operation) for f in finished],
        [f.number for f in finished],
        [r.outcome for r in called],
        [r.reason for r in called],
        [r.detail for r in called],
        [f.requests for f in finished],
        replica,
        [f.lease_token for f in finished],
        [r.duration_ms for r in called],
        through,
    )
