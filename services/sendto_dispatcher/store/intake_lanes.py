"""From changed order states to lanes: those they are routed to, those they have left, and who owns the references.

Rules 2, 3, 13 and 31 of the dispatcher's rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.desire import Change, Due, LaneKnown, desire
from sendto_dispatcher.domain.fold import OrderKnown
from sendto_dispatcher.store.taking import IntakeRules, Key

_LOCK_LANES = """
SELECT l.id, l.order_id, l.source, l.provider, l.desired_present, l.applied_present, l.in_doubt,
    l.lease_token IS NOT NULL AS leased, l.resting, l.reference,
    l.due_at IS NOT NULL AND l.applied_generation <> l.desired_generation AS waiting
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


async def move_lanes(
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
