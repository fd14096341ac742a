"""Taking a batch of events: positions, order states, lanes, references, history, rejected events, in one transaction.

A fixed number of set-based statements, however large the batch, each given its values as one JSON document: the driver
makes arrays of columns ten times as slowly. Rules 2, 3, 5, 8, 11, 13 and 31 of the dispatcher's
rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import asyncpg
from msgspec import Raw
from pydantic import BaseModel
from pydantic_core import to_json

from sendto.events.customer import OrderSnapshot
from sendto.events.decode import Rejection
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.fold import Arrived, Folded, OrderKnown, fold
from sendto_dispatcher.domain.routing import UNROUTED
from sendto_dispatcher.store.intake_history import write_history, write_rejected
from sendto_dispatcher.store.intake_lanes import move_lanes
from sendto_dispatcher.store.taking import IntakeRules, Key, Move, PositionLost, Record, Taken

_LOCK_POSITIONS = """
SELECT p.topic, p.partition, p.cluster_id, p.next_offset
FROM intake_position p JOIN unnest($1::text[], $2::int[]) AS k(topic, partition)
    ON k.topic = p.topic AND k.partition = p.partition
ORDER BY p.topic, p.partition FOR UPDATE OF p
"""
_LOCK_STATES = """
SELECT s.order_id, s.source, s.carried, s.version, s.present, s.route, s.providers,
    CASE WHEN k.snapshot THEN s.order_snapshot::text END AS order_snapshot
FROM order_state s JOIN json_to_recordset($1::json) AS k(order_id bigint, source text, snapshot bool)
    ON k.order_id = s.order_id AND k.source = s.source
ORDER BY s.order_id, s.source FOR UPDATE OF s
"""
_UPSERT_STATES = """
INSERT INTO order_state (order_id, source, carried, version, present, customer, order_snapshot, event_id, occurred_at,
    traceparent, route, providers)
SELECT n.order_id, n.source, n.carried, n.version, n.present, n.customer, n.order_snapshot, n.event_id, n.occurred_at,
    n.traceparent, n.route, n.providers
FROM json_to_recordset($1::json) AS n(order_id bigint, source text, carried bool, version bigint, present bool,
    customer jsonb, order_snapshot jsonb, event_id text, occurred_at timestamptz, traceparent text, route text,
    providers text[])
ORDER BY n.order_id, n.source
ON CONFLICT (order_id, source) DO UPDATE SET
    carried = excluded.carried, version = excluded.version, present = excluded.present, customer = excluded.customer,
    order_snapshot = excluded.order_snapshot, event_id = excluded.event_id, occurred_at = excluded.occurred_at,
    traceparent = excluded.traceparent, route = excluded.route, providers = excluded.providers, changed_at = now()
WHERE (excluded.carried, excluded.version) > (order_state.carried, order_state.version)
RETURNING order_id
"""
_ADVANCE = """
UPDATE intake_position p SET next_offset = greatest(p.next_offset, n.next_offset), updated_at = now()
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS n(topic, partition, next_offset)
WHERE p.topic = n.topic AND p.partition = n.partition
"""


async def take(
    connection: Connection,
    cluster_id: str,
    records: Sequence[Record],
    rules: IntakeRules,
    known: Mapping[tuple[str, int], int] = MappingProxyType({}),
) -> Taken:
    """Take a batch in the caller's transaction.

    Args:
        connection: in a transaction.
        cluster_id: of the cluster that the records are from.
        records: in the order of their offsets, of any partitions.
        rules: the configuration.
        known: the position of each partition as this process last saw it stored. A lower one has been put back.

    Raises:
        PositionLost: a partition must be placed anew.
        asyncpg.SerializationError: someone else changed an order in between; take the batch again.
    """
    positions = await _lock_positions(connection, cluster_id, records)
    if any(position < known.get(place, 0) for place, position in positions.items()):
        raise PositionLost
    fresh = [record for record in records if record.offset >= positions[record.topic, record.partition]]
    taken = await take_records(connection, cluster_id, fresh, rules)
    await _advance(connection, fresh)
    return replace(taken, verdicts={**taken.verdicts, "dropped": len(records) - len(fresh)})


async def take_records(connection: Connection, cluster_id: str, records: Sequence[Record], rules: IntakeRules) -> Taken:
    """Take records wherever they stand, in the caller's transaction."""
    verdicts: dict[str, int] = defaultdict(int)
    by_order: dict[Key, list[Record]] = defaultdict(list)
    rejected: list[tuple[Record, Rejection]] = []
    for record in records:
        if isinstance(record.decoded, Rejection):
            rejected.append((record, record.decoded))
        else:
            by_order[record.decoded.order_id, record.decoded.source].append(record)
    folded = await _fold_orders(connection, by_order, rules)
    moves = {
        key: Move(state=one.state, doubtful=any(record.doubtful for record in by_order[key]), visited=one.visited)
        for key, one in folded.items()
        if one.state is not None
    }
    await _upsert_states(connection, {key: move.state for key, move in moves.items()})
    lanes = await move_lanes(connection, moves, rules)
    await write_history(connection, by_order, folded, rejected, verdicts)
    await write_rejected(connection, cluster_id, rejected)
    reasons: dict[str, int] = defaultdict(int)
    for _, rejection in rejected:
        reasons[rejection.reason] += 1
    unrouted = sum(move.state.present and move.state.route == UNROUTED for move in moves.values())
    return Taken(verdicts, reasons, lanes, unrouted)


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
        [
            {
                "order_id": key[0],
                "source": key[1],
                "snapshot": any(record.event.order is None and record.event.present for record in by_order[key]),
            }
            for key in keys
        ],
    )
    known = {(row["order_id"], row["source"]): _known(row) for row in rows}
    return {
        key: fold(
            known.get(key),
            [Arrived(event=record.event, recorded_at=record.recorded_at) for record in by_order[key]],
            rules.routing,
        )
        for key in keys
    }


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
    won = await connection.fetch(_UPSERT_STATES, [_row(key, state) for key, state in changed.items()])
    if len(won) < len(changed):
        raise asyncpg.SerializationError("an order state was overtaken")


def _row(key: Key, state: OrderKnown) -> dict[str, Any]:
    return {
        "order_id": key[0],
        "source": key[1],
        "carried": state.carried,
        "version": state.version,
        "present": state.present,
        "customer": _json(state.customer),
        "order_snapshot": _json(state.snapshot),
        "event_id": state.event_id,
        "occurred_at": state.occurred_at,
        "traceparent": state.traceparent,
        "route": state.route,
        "providers": state.providers,
    }


def _json(model: BaseModel | None) -> Raw | None:
    return None if model is None else Raw(to_json(model))


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
