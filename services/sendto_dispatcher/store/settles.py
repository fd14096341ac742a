"""Settling attempts: fenced, in batches, decided by `domain.settle`.

Lanes are read without a lock, and written by one statement where nobody has changed them since: an outcome waits for
two statements, not for a transaction of five. A plain success waits for one: what it depends on came with the claim.
Rules 13, 15, 16 and 32 of the dispatcher's rules.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from sendto.events.delivery import DeliveryType
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.endings import CONFIRM, Finished
from sendto_dispatcher.domain.lane import Lane, Resting, Version
from sendto_dispatcher.domain.settle import Columns, Policy, settle
from sendto_dispatcher.domain.told import Told, told_of
from sendto_dispatcher.domain.untouched import as_claimed, needs_no_look
from sendto_dispatcher.store.deliveries import write_deliveries
from sendto_dispatcher.store.references import REFERENCE_TAKEN, Wanted, own

# A row's xmin is another one after each change.
_READ = """
SELECT id, xmin AS seen, provider, source, order_id, lease_token, reference, incarnation, desired_generation,
    desired_present, applied_generation, applied_carried, applied_version, applied_present, unconfirmed, remote, digest,
    resend_generation, in_doubt, lease_generation, lease_doubt, kept_generation, due_at, not_before, attempts,
    failing_since, failing_stopped_s, hanging, resting, reason, detail, behind_since, clock_timestamp() AS now,
    (SELECT stopped_s + coalesce(extract(epoch FROM clock_timestamp() - stopped_since), 0)::float8
        FROM provider_state WHERE provider_state.provider = lane.provider) AS stopped_s
FROM lane WHERE id = ANY($1::bigint[])
"""

# Values go in as one JSON document: the driver makes an array of a column ten times as slowly.
_SETTLE = """
WITH locked AS (
    SELECT id FROM lane WHERE id = ANY($2::bigint[]) ORDER BY id FOR UPDATE
), settled AS (
    UPDATE lane SET
        reference = n.reference, incarnation = n.incarnation, applied_generation = n.applied_generation,
        applied_carried = (n.applied_version ->> 'carried')::bool,
        applied_version = (n.applied_version ->> 'number')::bigint, applied_present = n.applied_present,
        unconfirmed = n.unconfirmed, remote = n.remote, digest = decode(n.digest, 'base64'), in_doubt = n.in_doubt,
        kept_generation = CASE WHEN n.kept THEN lane.kept_generation END,
        kept_body = CASE WHEN n.kept THEN lane.kept_body END,
        kept_at = CASE WHEN n.kept THEN lane.kept_at END,
        desired_generation = n.desired_generation, due_at = n.due_at, not_before = n.not_before,
        attempts = n.attempts, failing_since = n.failing_since, failing_stopped_s = n.failing_stopped_s,
        hanging = n.hanging, resting = n.resting, reason = n.reason, detail = n.detail,
        behind_since = n.behind_since, lease_token = NULL, lease_generation = NULL, lease_doubt = NULL,
        leased_by = NULL, leased_at = NULL, changed_at = clock_timestamp()
    FROM locked, json_to_recordset($1::json) AS one(id bigint, seen xid, columns json), json_to_record(one.columns)
        AS n(reference text, incarnation int, applied_generation bigint, applied_version json, applied_present bool,
            unconfirmed bool, remote text, digest text, in_doubt bool, kept bool, due_at timestamptz, attempts int,
            failing_since timestamptz, failing_stopped_s float8, hanging bool, resting text, reason text, detail text,
            behind_since timestamptz, desired_generation bigint, not_before timestamptz)
    WHERE locked.id = one.id AND lane.id = one.id AND lane.xmin = one.seen
    RETURNING lane.id
), history AS (
    INSERT INTO attempt (lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome,
        reason, detail, requests, lease_token, replica, started_at, duration_ms, settled)
    SELECT h.lane_id, h.provider, h.source, h.order_id, h.generation, h.carried, h.version, h.operation, h.number,
        h.outcome, h.reason, h.detail, h.requests, h.lease_token, $4,
        clock_timestamp() - h.duration_ms * interval '1 millisecond', h.duration_ms, h.settled
    FROM json_to_recordset($3::json) AS h(lane_id bigint, provider text, source text, order_id bigint,
        generation bigint, carried bool, version bigint, operation text, number int, outcome text, reason text,
        detail text, requests int, lease_token uuid, duration_ms float8, settled bool)
    WHERE NOT h.settled OR h.lane_id IN (SELECT id FROM settled)
)
SELECT id FROM settled
"""

_LOCK = "SELECT FROM lane WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"

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


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """An attempt for the history: what the engine knows of it beside the lane's row."""

    provider: str
    source: str
    order_id: int
    finished: Finished
    outcome: str
    reason: str | None
    detail: str | None
    duration_ms: float
    lane: Lane | None = None
    """as it was claimed; None once it is known to be another"""

    @property
    def is_plain(self) -> bool:
        """Whether the lane as it was claimed is all that its settle depends on."""
        return self.lane is not None and needs_no_look(self.lane, self.finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a settle: `fenced` are the lanes whose lease had passed to someone else."""

    lanes: dict[int, Columns]
    fenced: frozenset[int]
    moved: tuple[AttemptRecord, ...] = ()
    """what must be settled once more, by the lane as it is now: someone has changed these in the meantime"""


class _Write(Struct, frozen=True):
    """A lane as it shall be written, if it is as it was seen."""

    id: int
    seen: int
    columns: Columns


@dataclass(slots=True)
class _Decided:
    """What is to be done for a batch of attempts."""

    rows: dict[int, asyncpg.Record]
    """those that were looked at"""
    before: dict[int, Columns] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    lanes: dict[int, Columns] = field(default_factory=dict)
    passed: list[bool] = field(default_factory=list)
    """of each attempt, whether it still has its lane's lease"""
    overtaken: dict[int, float] = field(default_factory=dict)
    """lanes whose newest state must be sent once more, and after how long"""

    def add(self, seen: int, lane: Columns, finished: Finished, policy: Policy, now: datetime) -> None:
        """Settle one attempt that has its lane's lease."""
        lane_id = finished.lane_id
        self.seen[lane_id], self.before[lane_id] = seen, lane
        self.lanes[lane_id] = settle(lane, finished, policy, now)

    @property
    def touched(self) -> list[int]:
        """The lanes that are written."""
        return list(self.lanes.keys() | self.overtaken.keys())

    @property
    def renamed(self) -> bool:
        """Whether a lane gets another reference."""
        return any(lane.reference != self.before[lane_id].reference for lane_id, lane in self.lanes.items())


async def write_settles(
    connection: Connection,
    records: Sequence[AttemptRecord],
    policy_of: Callable[[str], Policy],
    *,
    replica: str,
    tell: bool = False,
) -> Settled:
    """Settle a batch of attempts, of each lane at most one that has its lease.

    What takes more than one change is one transaction. `tell`: write what upstream systems are told of it, too.
    """
    unsure = _unsure(records)
    rows = await connection.fetch(_READ, list(unsure)) if unsure else []
    decided = _decide(records, unsure, {row["id"]: row for row in rows}, policy_of)
    several = tell or decided.overtaken or decided.renamed
    async with connection.transaction() if several else nullcontext():
        if decided.renamed:
            await connection.execute(_LOCK, decided.touched)
            decided.lanes |= await _own_new_references(connection, decided.rows, decided.lanes)
        lanes = await _write(connection, records, decided, replica)
        if tell:
            await write_deliveries(connection, list(_told(records, decided, lanes)))
        if decided.overtaken:
            await connection.execute(_OVERTAKEN, list(decided.overtaken), list(decided.overtaken.values()))
    ended = list(zip(records, decided.passed, strict=True))
    return Settled(
        lanes=lanes,
        fenced=frozenset(record.finished.lane_id for record, passed in ended if not passed),
        moved=tuple(
            replace(record, lane=None) for record, passed in ended if passed and record.finished.lane_id not in lanes
        ),
    )


def _unsure(records: Sequence[AttemptRecord]) -> set[int]:
    """The lanes that must be looked at. Of two attempts of one lane, only the row can tell which has the lease."""
    met: set[int] = set()
    unsure: set[int] = set()
    for record in records:
        lane_id = record.finished.lane_id
        if lane_id in met or not record.is_plain:
            unsure.add(lane_id)
        met.add(lane_id)
    return unsure


def _decide(
    records: Sequence[AttemptRecord],
    unsure: Collection[int],
    rows: dict[int, asyncpg.Record],
    policy_of: Callable[[str], Policy],
) -> _Decided:
    decided = _Decided(rows)
    now = datetime.now(UTC)
    for record in records:
        finished, lane = record.finished, record.lane
        if lane is not None and lane.seen is not None and finished.lane_id not in unsure:
            decided.add(lane.seen, as_claimed(lane), finished, policy_of(record.provider), now)
            decided.passed.append(True)
            continue
        row, policy = rows.get(finished.lane_id), policy_of(record.provider)
        passed = row is not None and row["lease_token"] == finished.lease_token
        decided.passed.append(passed)
        if row is not None and passed:
            policy = replace(policy, stopped_s=row["stopped_s"] or 0.0)
            decided.add(row["seen"], _columns(row), finished, policy, row["now"])
        elif finished.sent and finished.operation != CONFIRM:
            decided.overtaken[finished.lane_id] = policy.capabilities.lookup_lag_s
    return decided


async def _write(
    connection: Connection, records: Sequence[AttemptRecord], decided: _Decided, replica: str
) -> dict[int, Columns]:
    """Write what was decided, and the attempts that called the provider, or tried to, into the history."""
    writes = [_Write(lane_id, decided.seen[lane_id], lane) for lane_id, lane in decided.lanes.items()]
    called = [
        _history_row(record, settled=passed)
        for record, passed in zip(records, decided.passed, strict=True)
        if record.finished.operation is not None
    ]
    rows = await connection.fetch(_SETTLE, writes, decided.touched, called, replica)
    return {row["id"]: decided.lanes[row["id"]] for row in rows}


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


async def _own_new_references(
    connection: Connection, rows: Mapping[int, asyncpg.Record], written: Mapping[int, Columns]
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


def _told(records: Sequence[AttemptRecord], decided: _Decided, written: Mapping[int, Columns]) -> Iterator[Told]:
    """What those tell that have settled their lanes: one whose lease has passed on has nothing to tell."""
    for record, passed in zip(records, decided.passed, strict=True):
        lane_id = record.finished.lane_id
        after = written.get(lane_id) if passed else None
        if after is None:
            continue
        kind = told_of(decided.before[lane_id], after, record.finished.operation)
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


def _history_row(record: AttemptRecord, *, settled: bool) -> dict[str, Any]:
    finished = record.finished
    return {
        "lane_id": finished.lane_id,
        "provider": record.provider,
        "source": record.source,
        "order_id": record.order_id,
        "generation": finished.generation,
        "carried": finished.version.carried,
        "version": finished.version.number,
        "operation": finished.operation,
        "number": finished.number,
        "outcome": record.outcome,
        "reason": record.reason,
        "detail": record.detail,
        "requests": finished.requests,
        "lease_token": finished.lease_token,
        "duration_ms": record.duration_ms,
        "settled": settled,
    }
