"""From changed order states to lanes: those they are routed to, those they have left, and who owns the references.

Rules 2, 3, 13 and 31 of the dispatcher's rules.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from sendto.events.delivery import DeliveryType
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.desire import Change, Due, LaneKnown, desire
from sendto_dispatcher.domain.told import Told
from sendto_dispatcher.store.deliveries import write_deliveries
from sendto_dispatcher.store.generation import CLOCK_MS, NEXT
from sendto_dispatcher.store.references import REFERENCE_TAKEN, Wanted, own_references
from sendto_dispatcher.store.taking import IntakeRules, Key, Move

_LOCK_LANES = """
SELECT l.id, l.order_id, l.source, l.provider, l.desired_present, l.applied_present, l.in_doubt,
    l.lease_token IS NOT NULL AS leased, l.resting, l.reference,
    l.due_at IS NOT NULL AND l.applied_generation <> l.desired_generation AS waiting
FROM lane l JOIN json_to_recordset($1::json) AS k(order_id bigint, source text)
    ON k.order_id = l.order_id AND k.source = l.source
ORDER BY l.id FOR UPDATE OF l
"""
_UPDATE_LANES = f"""
UPDATE lane SET
    desired_generation = {NEXT},
    desired_carried = c.carried, desired_version = c.version, desired_present = c.present,
    applied_generation = CASE WHEN c.due = 'converged' THEN {NEXT} ELSE lane.applied_generation END,
    due_at = CASE c.due WHEN 'now' THEN clock_timestamp() WHEN 'keep' THEN lane.due_at END,
    resting = CASE WHEN c.revive THEN NULL ELSE lane.resting END,
    attempts = CASE WHEN c.revive THEN 0 ELSE lane.attempts END,
    failing_since = NULL, failing_stopped_s = NULL,
    reason = CASE WHEN c.revive THEN NULL ELSE lane.reason END,
    detail = CASE WHEN c.revive THEN NULL ELSE lane.detail END,
    in_doubt = lane.in_doubt OR c.doubtful,
    lease_doubt = CASE WHEN lane.lease_token IS NOT NULL THEN lane.lease_doubt OR c.doubtful END,
    behind_since = CASE WHEN c.due <> 'converged' THEN coalesce(lane.behind_since, clock_timestamp()) END,
    changed_at = clock_timestamp()
FROM json_to_recordset($1::json)
    AS c(id bigint, carried bool, version bigint, present bool, due text, revive bool, doubtful bool)
WHERE lane.id = c.id
"""
_INSERT_LANES = f"""
INSERT INTO lane (order_id, source, provider, reference, desired_generation, desired_carried, desired_version,
    desired_present, in_doubt, due_at, behind_since)
SELECT n.order_id, n.source, n.provider, n.reference, {CLOCK_MS}, n.carried, n.version, n.present, n.doubtful,
    clock_timestamp(), clock_timestamp()
FROM json_to_recordset($1::json) AS n(order_id bigint, source text, provider text, reference text, carried bool,
    version bigint, present bool, doubtful bool)
ORDER BY n.order_id, n.source, n.provider
"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done to the lanes: changed, made (present or not), and which references must be owned."""

    changes: list[tuple[Key, Change]] = field(default_factory=list)
    made: list[tuple[Wanted, bool]] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)


async def move_lanes(
    connection: Connection, moves: Mapping[Key, Move], rules: IntakeRules, *, only_moved: bool = False
) -> int:
    """Move the desired sides of the lanes of the orders, whose states the caller has locked; how many lanes.

    `only_moved`: leave lanes alone that should stay present; for changes that bring no newer state.
    """
    if not moves:
        return 0
    rows = await connection.fetch(_LOCK_LANES, [{"order_id": order_id, "source": source} for order_id, source in moves])
    plan = _plan(rows, moves, rules, only_moved=only_moved)
    await _update_lanes(connection, moves, plan.changes)
    await _insert_lanes(connection, moves, plan.made)
    taken = await own_references(connection, plan.wanted, rules.carrying)
    if rules.tell:
        await write_deliveries(connection, list(_told(moves, taken)))
    return len(plan.changes) + len(plan.made)


def _plan(rows: Sequence[asyncpg.Record], moves: Mapping[Key, Move], rules: IntakeRules, *, only_moved: bool) -> _Plan:
    plan = _Plan()
    known: dict[Key, set[str]] = defaultdict(set)
    for row in rows:
        key, provider = (row["order_id"], row["source"]), row["provider"]
        known[key].add(provider)
        move = moves[key]
        present = provider in move.goes_to
        if only_moved and present and row["desired_present"]:
            continue
        change = desire(_lane_known(row), present=present, suspect=provider in move.suspects)
        if change is not None:
            plan.changes.append((key, change))
        if present and (row["resting"] == "taken" or not row["desired_present"]):
            plan.wanted.append((key, provider, row["reference"]))
    for key, move in moves.items():
        for provider in dict.fromkeys((*move.goes_to, *sorted(move.suspects))):
            if provider not in known[key]:
                plan.made.append(((key, provider, _reference(key, rules)), provider in move.goes_to))
    # A new lane whose reference carries the source has nothing to own, and nothing to be marked.
    plan.wanted.extend(wanted for wanted, _ in plan.made if wanted[1] not in rules.carrying)
    return plan


def _told(moves: Mapping[Key, Move], taken: Sequence[Wanted]) -> Iterator[Told]:
    """Orders that go nowhere, and those whose references are others'."""
    lost = [(key, provider) for key, provider, _ in taken if provider in moves[key].goes_to]
    nowhere = [(key, None) for key, move in moves.items() if move.state.present and not move.goes_to]
    for key, provider in (*lost, *nowhere):
        state = moves[key].state
        yield Told(
            type=DeliveryType.DEAD if provider else DeliveryType.UNROUTED,
            order_id=key[0],
            source=key[1],
            provider=provider,
            version=state.version if state.carried else None,
            attempts=0,
            reason=REFERENCE_TAKEN[0] if provider else None,
        )


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
    connection: Connection, moves: Mapping[Key, Move], changes: Sequence[tuple[Key, Change]]
) -> None:
    if changes:
        await connection.execute(
            _UPDATE_LANES,
            [
                {
                    "id": change.lane_id,
                    "carried": moves[key].state.carried,
                    "version": moves[key].state.version,
                    "present": change.present,
                    "due": change.due,
                    "revive": change.revive,
                    "doubtful": moves[key].doubtful and change.due is not Due.CONVERGED,
                }
                for key, change in changes
            ],
        )


async def _insert_lanes(connection: Connection, moves: Mapping[Key, Move], made: Sequence[tuple[Wanted, bool]]) -> None:
    if made:
        await connection.execute(
            _INSERT_LANES,
            [
                {
                    "order_id": key[0],
                    "source": key[1],
                    "provider": provider,
                    "reference": reference,
                    "carried": moves[key].state.carried,
                    "version": moves[key].state.version,
                    "present": present,
                    "doubtful": moves[key].doubtful,
                }
                for (key, provider, reference), present in made
            ],
        )
