"""Taking a batch of events: positions, order states, lanes, references, history, rejected events, in one transaction.

A fixed number of set-based statements, however large the batch. Rules 2, 3, 5, 8, 11, 13 and 31 of the dispatcher's
rules.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from sendto.events.customer import OrderSnapshot
from sendto.events.decode import Rejection, RejectReason
from sendto.events.envelope import CustomerEvent
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.desire import Change, Due, LaneKnown, desire
from sendto_dispatcher.domain.fold import Arrived, Folded, OrderKnown, TakeVerdict, fold
from sendto_dispatcher.domain.routing import Routing

Key = tuple[int, str]

_LOCK_POSITIONS = """
SELECT p.topic, p.partition, p.cluster_id, p.next_offset
FROM intake_position p JOIN unnest($1::text[], $2::int[]) AS k(topic, partition)
    ON k.topic = p.topic AND k.partition = p.partition
ORDER BY p.topic, p.partition FOR UPDATE OF p
"""
_LOCK_STATES = """
SELECT s.order_id, s.source, s.carried, s.version, s.present, s.route, s.providers,
    CASE WHEN k.snapshot THEN s.order_snapshot::text END AS order_snapshot
FROM order_state s JOIN unnest($1::bigint[], $2::text[], $3::bool[]) AS k(order_id, source, snapshot)
    ON k.order_id = s.order_id AND k.source = s.source
ORDER BY s.order_id, s.source FOR UPDATE OF s
"""
_UPSERT_STATES = """
INSERT INTO order_state (order_id, source, carried, version, present, customer, order_snapshot, event_id, occurred_at,
    traceparent, route, providers)
SELECT n.order_id, n.source, n.carried, n.version, n.present, n.customer::jsonb, n.order_snapshot::jsonb, n.event_id,
    n.occurred_at, n.traceparent, n.route, string_to_array(n.providers, ',')
FROM unnest($1::bigint[], $2::text[], $3::bool[], $4::bigint[], $5::bool[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::text[], $11::text[], $12::text[])
    AS n(order_id, source, carried, version, present, customer, order_snapshot, event_id, occurred_at, traceparent,
        route, providers)
ORDER BY n.order_id, n.source
ON CONFLICT (order_id, source) DO UPDATE SET
    carried = excluded.carried, version = excluded.version, present = excluded.present, customer = excluded.customer,
    order_snapshot = excluded.order_snapshot, event_id = excluded.event_id, occurred_at = excluded.occurred_at,
    traceparent = excluded.traceparent, route = excluded.route, providers = excluded.providers, changed_at = now()
WHERE (excluded.carried, excluded.version) > (order_state.carried, order_state.version)
RETURNING order_id
"""
_LOCK_LANES = """
SELECT l.id, l.order_id, l.source, l.provider, l.desired_present, l.applied_present, l.in_doubt,
    l.lease_token IS NOT NULL AS leased, l.due_at IS NOT NULL AS waiting, l.resting, l.reference
FROM lane l JOIN unnest($1::bigint[], $2::text[]) AS k(order_id, source)
    ON k.order_id = l.order_id AND k.source = l.source
ORDER BY l.id FOR UPDATE OF l
"""
# The statement's time: within a row it reads the same for both columns.
_GENERATION = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
_UPDATE_LANES = f"""
UPDATE lane SET
    desired_generation = greatest(lane.desired_generation + 1, {_GENERATION}),
    desired_carried = c.carried, desired_version = c.version, desired_present = c.present,
    applied_generation = CASE WHEN c.due = 'converged'
        THEN greatest(lane.desired_generation + 1, {_GENERATION}) ELSE lane.applied_generation END,
    due_at = CASE c.due WHEN 'now' THEN clock_timestamp() WHEN 'keep' THEN lane.due_at END,
    resting = CASE WHEN c.revive THEN NULL ELSE lane.resting END,
    attempts = CASE WHEN c.revive THEN 0 ELSE lane.attempts END,
    failing_since = NULL, failing_stopped_s = NULL,
    reason = CASE WHEN c.revive THEN NULL ELSE lane.reason END,
    detail = CASE WHEN c.revive THEN NULL ELSE lane.detail END,
    in_doubt = lane.in_doubt OR c.doubtful,
    behind_since = CASE WHEN c.due <> 'converged' THEN coalesce(lane.behind_since, clock_timestamp()) END,
    changed_at = clock_timestamp()
FROM unnest($1::bigint[], $2::bool[], $3::bigint[], $4::bool[], $5::text[], $6::bool[], $7::bool[])
    AS c(id, carried, version, present, due, revive, doubtful)
WHERE lane.id = c.id
"""
_INSERT_LANES = f"""
INSERT INTO lane (order_id, source, provider, reference, desired_generation, desired_carried, desired_version,
    desired_present, in_doubt, due_at, behind_since)
SELECT n.order_id, n.source, n.provider, n.reference, {_GENERATION}, n.carried, n.version, true, n.doubtful,
    clock_timestamp(), clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bigint[], $7::bool[])
    AS n(order_id, source, provider, reference, carried, version, doubtful)
ORDER BY n.order_id, n.source, n.provider
"""
# An owner that is known absent gives its reference up.
_OWN = """
INSERT INTO lane_reference (provider, reference, source, order_id)
SELECT n.provider, n.reference, n.source, n.order_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n(provider, reference, source, order_id)
ORDER BY n.provider, n.reference
ON CONFLICT (provider, reference) DO UPDATE SET source = excluded.source, order_id = excluded.order_id
WHERE (lane_reference.source = excluded.source AND lane_reference.order_id = excluded.order_id)
    OR EXISTS (
        SELECT 1 FROM lane owner
        WHERE owner.order_id = lane_reference.order_id AND owner.source = lane_reference.source
            AND owner.provider = lane_reference.provider AND NOT owner.applied_present AND NOT owner.in_doubt
            AND NOT owner.desired_present AND owner.lease_token IS NULL)
RETURNING provider, reference
"""
_TAKEN = """
UPDATE lane SET resting = CASE WHEN k.owned THEN NULL ELSE 'taken' END,
    due_at = CASE WHEN k.owned THEN clock_timestamp() END,
    reason = CASE WHEN k.owned THEN NULL ELSE 'reference_taken' END,
    detail = CASE WHEN k.owned THEN NULL ELSE 'the reference belongs to an order of another source' END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bool[]) AS k(order_id, source, provider, owned)
WHERE lane.order_id = k.order_id AND lane.source = k.source AND lane.provider = k.provider
    AND (lane.resting = 'taken' OR NOT k.owned)
"""
_HISTORY = """
INSERT INTO intake_event (source, order_id, event_id, type, carried, version, topic, partition, record_offset, verdict,
    route, traceparent)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bool[], $6::bigint[], $7::text[], $8::int[],
    $9::bigint[], $10::text[], $11::text[], $12::text[])
"""
_REJECTED = """
INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, source, order_id, reason, detail, record_key,
    record_value, record_headers)
SELECT $1, r.topic, r.partition, r.record_offset, r.source, r.order_id, r.reason, r.detail, r.key, r.value,
    r.headers::jsonb
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::bytea[],
    $10::bytea[], $11::text[])
    AS r(topic, partition, record_offset, source, order_id, reason, detail, key, value, headers)
ON CONFLICT (cluster_id, topic, partition, record_offset) DO NOTHING
"""
_ADVANCE = """
UPDATE intake_position p SET next_offset = greatest(p.next_offset, n.next_offset), updated_at = now()
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS n(topic, partition, next_offset)
WHERE p.topic = n.topic AND p.partition = n.partition
"""


class PositionLost(Exception):  # noqa: N818 - named for what happened
    """A partition's position is missing or belongs to another cluster: it must be placed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of the topic, decoded or not. `doubtful`: the database may have lost what was made of it before."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    decoded: CustomerEvent | Rejection
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: records by verdict (`dropped` were taken before), lanes that changed."""

    verdicts: Mapping[str, int]
    rejected: Mapping[str, int]
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What intake must know of the configuration."""

    routing: Routing
    prefixes: Mapping[str, str]
    """reference prefix by source"""
    carrying: frozenset[str]
    """providers whose references carry the source, and so cannot collide"""


async def take(connection: Connection, cluster_id: str, records: Sequence[Record], rules: IntakeRules) -> Taken:
    """Take a batch in the caller's transaction.

    Raises:
        PositionLost: a partition must be placed anew.
        asyncpg.SerializationError: someone else changed an order in between; take the batch again.
    """
    positions = await _lock_positions(connection, cluster_id, records)
    fresh = [record for record in records if record.offset >= positions[record.topic, record.partition]]
    verdicts: dict[str, int] = defaultdict(int)
    verdicts["dropped"] = len(records) - len(fresh)
    by_order: dict[Key, list[Record]] = defaultdict(list)
    rejected: list[tuple[Record, Rejection]] = []
    for record in fresh:
        if isinstance(record.decoded, Rejection):
            rejected.append((record, record.decoded))
        else:
            by_order[record.decoded.order_id, record.decoded.source].append(record)
    folded = await _fold_orders(connection, by_order, rules)
    changed = {key: one.state for key, one in folded.items() if one.state is not None}
    doubtful = {key for key, group in by_order.items() if any(record.doubtful for record in group)}
    await _upsert_states(connection, changed)
    lanes = await _move_lanes(connection, changed, doubtful, rules)
    await _write_history(connection, by_order, folded, rejected, verdicts)
    await _write_rejected(connection, cluster_id, rejected)
    await _advance(connection, fresh)
    reasons: dict[str, int] = defaultdict(int)
    for _, rejection in rejected:
        reasons[rejection.reason] += 1
    return Taken(verdicts, reasons, lanes)


async def _lock_positions(
    connection: Connection, cluster_id: str, records: Sequence[Record]
) -> dict[tuple[str, int], int]:
    partitions = sorted({(record.topic, record.partition) for record in records})
    rows = await connection.fetch(_LOCK_POSITIONS, [topic for topic, _ in partitions], [p for _, p in partitions])
    positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    if len(positions) < len(partitions) or any(row["cluster_id"] != cluster_id for row in rows):
        raise PositionLost
    return positions


async def _fold_orders(
    connection: Connection, by_order: Mapping[Key, list[Record]], rules: IntakeRules
) -> dict[Key, Folded]:
    if not by_order:
        return {}
    keys = sorted(by_order)
    rows = await connection.fetch(
        _LOCK_STATES,
        [order_id for order_id, _ in keys],
        [source for _, source in keys],
        [any(_event(record).order is None and _event(record).present for record in by_order[key]) for key in keys],
    )
    known = {(row["order_id"], row["source"]): _known(row) for row in rows}
    return {
        key: fold(
            known.get(key),
            [Arrived(event=_event(record), recorded_at=record.recorded_at) for record in by_order[key]],
            rules.routing,
        )
        for key in keys
    }


def _event(record: Record) -> CustomerEvent:
    if isinstance(record.decoded, Rejection):
        raise TypeError("a rejected record has no event")
    return record.decoded


def _known(row: asyncpg.Record) -> OrderKnown:
    snapshot = row["order_snapshot"]
    return OrderKnown(
        carried=row["carried"],
        version=row["version"],
        present=row["present"],
        route=row["route"],
        providers=tuple(row["providers"]),
        snapshot=OrderSnapshot.model_validate_json(snapshot) if snapshot else None,
    )


async def _upsert_states(connection: Connection, changed: Mapping[Key, OrderKnown]) -> None:
    if not changed:
        return
    states = list(changed.values())
    won = await connection.fetch(
        _UPSERT_STATES,
        [order_id for order_id, _ in changed],
        [source for _, source in changed],
        [state.carried for state in states],
        [state.version for state in states],
        [state.present for state in states],
        [state.customer.model_dump_json() if state.customer else None for state in states],
        [state.snapshot.model_dump_json() if state.snapshot else None for state in states],
        [state.event_id for state in states],
        [state.occurred_at for state in states],
        [state.traceparent for state in states],
        [state.route for state in states],
        [",".join(state.providers) for state in states],
    )
    if len(won) < len(changed):
        raise asyncpg.SerializationError("an order state was overtaken")


async def _move_lanes(
    connection: Connection, changed: Mapping[Key, OrderKnown], doubtful: set[Key], rules: IntakeRules
) -> int:
    """Move the desired sides of the lanes of the changed orders; how many lanes."""
    if not changed:
        return 0
    keys = list(changed)
    rows = await connection.fetch(_LOCK_LANES, [order_id for order_id, _ in keys], [source for _, source in keys])
    known: dict[Key, set[str]] = defaultdict(set)
    changes: list[tuple[Key, Change]] = []
    claims: list[tuple[Key, str, str]] = []
    for row in rows:
        key = (row["order_id"], row["source"])
        known[key].add(row["provider"])
        state = changed[key]
        present = state.present and row["provider"] in state.providers
        change = desire(_lane_known(row), present=present)
        if change is not None:
            changes.append((key, change))
        if present and (row["resting"] == "taken" or not row["desired_present"]):
            claims.append((key, row["provider"], row["reference"]))
    new = [
        (key, provider, _reference(key, rules))
        for key, state in changed.items()
        if state.present
        for provider in state.providers
        if provider not in known[key]
    ]
    await _update_lanes(connection, changed, changes, doubtful)
    await _insert_lanes(connection, changed, new, doubtful)
    await _own_references(connection, [*new, *claims], rules)
    return len(changes) + len(new)


def _reference(key: Key, rules: IntakeRules) -> str:
    order_id, source = key
    return f"{rules.prefixes.get(source, '')}{order_id}"


def _lane_known(row: asyncpg.Record) -> LaneKnown:
    return LaneKnown(
        id=row["id"],
        provider=row["provider"],
        desired_present=row["desired_present"],
        applied_present=row["applied_present"],
        in_doubt=row["in_doubt"],
        leased=row["leased"],
        waiting=row["waiting"],
        resting=row["resting"],
    )


async def _update_lanes(
    connection: Connection,
    changed: Mapping[Key, OrderKnown],
    changes: Sequence[tuple[Key, Change]],
    doubtful: set[Key],
) -> None:
    if changes:
        await connection.execute(
            _UPDATE_LANES,
            [change.lane_id for _, change in changes],
            [changed[key].carried for key, _ in changes],
            [changed[key].version for key, _ in changes],
            [change.present for _, change in changes],
            [str(change.due) for _, change in changes],
            [change.revive for _, change in changes],
            [key in doubtful and change.due is not Due.CONVERGED for key, change in changes],
        )


async def _insert_lanes(
    connection: Connection,
    changed: Mapping[Key, OrderKnown],
    new: Sequence[tuple[Key, str, str]],
    doubtful: set[Key],
) -> None:
    if new:
        await connection.execute(
            _INSERT_LANES,
            [order_id for (order_id, _), _, _ in new],
            [source for (_, source), _, _ in new],
            [provider for _, provider, _ in new],
            [reference for _, _, reference in new],
            [changed[key].carried for key, _, _ in new],
            [changed[key].version for key, _, _ in new],
            [key in doubtful for key, _, _ in new],
        )


async def _own_references(connection: Connection, wanted: Iterable[tuple[Key, str, str]], rules: IntakeRules) -> None:
    """Own the references, each for one order; a lane that cannot rests as `taken`."""
    claims = [claim for claim in wanted if claim[1] not in rules.carrying]
    if not claims:
        return
    first: dict[tuple[str, str], Key] = {}
    for key, provider, reference in claims:
        first.setdefault((provider, reference), key)
    owned = {
        (row["provider"], row["reference"])
        for row in await connection.fetch(
            _OWN,
            [provider for provider, _ in first],
            [reference for _, reference in first],
            [source for _, source in first.values()],
            [order_id for order_id, _ in first.values()],
        )
    }
    has = [(provider, ref) in owned and first[provider, ref] == key for key, provider, ref in claims]
    await connection.execute(
        _TAKEN,
        [order_id for (order_id, _), _, _ in claims],
        [source for (_, source), _, _ in claims],
        [provider for _, provider, _ in claims],
        has,
    )


async def _write_history(
    connection: Connection,
    by_order: Mapping[Key, list[Record]],
    folded: Mapping[Key, Folded],
    rejected: list[tuple[Record, Rejection]],
    verdicts: dict[str, int],
) -> None:
    """Record every event that was taken; what carries no version too late joins the rejected ones."""
    taken: list[tuple[Record, TakeVerdict, bool, int, str | None]] = []
    for key, group in by_order.items():
        for record, (verdict, carried, version, route) in zip(group, folded[key].verdicts, strict=True):
            verdicts[verdict] += 1
            if verdict is TakeVerdict.UNVERSIONED:
                detail = "it carries no orderversion, and a carried one is known of this order"
                rejected.append((record, Rejection(RejectReason.UNVERSIONED, detail, key[1], key[0])))
            else:
                taken.append((record, verdict, carried, version, route))
    if taken:
        await connection.execute(
            _HISTORY,
            [_event(record).source for record, *_ in taken],
            [_event(record).order_id for record, *_ in taken],
            [_event(record).id for record, *_ in taken],
            [str(_event(record).type) for record, *_ in taken],
            [carried for _, _, carried, _, _ in taken],
            [version for _, _, _, version, _ in taken],
            [record.topic for record, *_ in taken],
            [record.partition for record, *_ in taken],
            [record.offset for record, *_ in taken],
            [str(verdict) for _, verdict, *_ in taken],
            [route for *_, route in taken],
            [_event(record).traceparent for record, *_ in taken],
        )


async def _write_rejected(
    connection: Connection, cluster_id: str, rejected: Sequence[tuple[Record, Rejection]]
) -> None:
    if rejected:
        await connection.execute(
            _REJECTED,
            cluster_id,
            [record.topic for record, _ in rejected],
            [record.partition for record, _ in rejected],
            [record.offset for record, _ in rejected],
            [rejection.source for _, rejection in rejected],
            [rejection.order_id for _, rejection in rejected],
            [str(rejection.reason) for _, rejection in rejected],
            [rejection.detail for _, rejection in rejected],
            [record.key for record, _ in rejected],
            [record.value for record, _ in rejected],
            [headers_to_json(record.headers) for record, _ in rejected],
        )


def headers_to_json(headers: Sequence[tuple[str, bytes]]) -> str:
    """Headers as JSON pairs of name and Base64 value; a name that PostgreSQL cannot store is escaped."""
    pairs = [[name.replace("\x00", "\\0"), base64.b64encode(value or b"").decode()] for name, value in headers]
    return json.dumps(pairs)


async def _advance(connection: Connection, fresh: Iterable[Record]) -> None:
    offsets: dict[tuple[str, int], int] = {}
    for record in fresh:
        place = (record.topic, record.partition)
        offsets[place] = max(offsets.get(place, 0), record.offset + 1)
    if offsets:
        places: list[Any] = sorted(offsets)
        await connection.execute(
            _ADVANCE, [topic for topic, _ in places], [p for _, p in places], [offsets[place] for place in places]
        )
