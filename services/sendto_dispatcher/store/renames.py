"""Giving a provider another name: its lanes, references and gates move in one transaction.

The new name may have lanes of its own already, made by events since the configuration has it. Where nothing was sent
for them, they are merged into the lanes that move, which know what the provider holds.
"""

from dataclasses import dataclass

from sendto.runtime.database import Connection, unbound

_TIMEOUT_S = 600.0
_TIMEOUT = f"SET LOCAL statement_timeout = {int(_TIMEOUT_S * 1000)}"
_LOCK_STATES = """
SELECT order_id, source FROM order_state WHERE $1 = ANY(providers) ORDER BY order_id, source FOR UPDATE
"""
_LOCK_LANES = "SELECT id FROM lane WHERE provider = ANY($1::text[]) ORDER BY id FOR UPDATE"
_HINDRANCES = """
SELECT
    (SELECT count(*) FROM lane WHERE provider = ANY($1::text[]) AND lease_token IS NOT NULL
        AND due_at > clock_timestamp()) AS leased,
    (SELECT count(*) FROM lane n WHERE n.provider = $2 AND (n.applied_present OR n.in_doubt OR n.applied_generation > 0)
        AND EXISTS (SELECT FROM lane o WHERE o.order_id = n.order_id AND o.source = n.source AND o.provider = $3)
    ) AS sent,
    (SELECT count(*) FROM lane_reference o JOIN lane_reference n ON n.provider = $2 AND n.reference = o.reference
        WHERE o.provider = $3 AND (n.source, n.order_id) <> (o.source, o.order_id)) AS taken
"""
_MERGE = """
UPDATE lane o SET
    desired_generation = greatest(o.desired_generation + 1, n.desired_generation + 1,
        (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    desired_carried = n.desired_carried, desired_version = n.desired_version, desired_present = n.desired_present,
    due_at = clock_timestamp(), attempts = 0, failing_since = NULL, failing_stopped_s = NULL,
    resting = CASE WHEN o.resting IN ('unknown', 'taken') THEN o.resting END,
    behind_since = coalesce(o.behind_since, n.behind_since, clock_timestamp())
FROM lane n
WHERE o.provider = $1 AND n.provider = $2 AND n.order_id = o.order_id AND n.source = o.source
"""
_DROP_MERGED = """
DELETE FROM lane n USING lane o
WHERE n.provider = $2 AND o.provider = $1 AND n.order_id = o.order_id AND n.source = o.source
"""
_DROP_REFERENCES = """
DELETE FROM lane_reference n USING lane_reference o
WHERE n.provider = $2 AND o.provider = $1 AND n.reference = o.reference
"""
_MOVE_REFERENCES = "UPDATE lane_reference SET provider = $2 WHERE provider = $1"
_MOVE_LANES = "UPDATE lane SET provider = $2 WHERE provider = $1"
_MOVE_STATES = """
UPDATE order_state SET providers = CASE WHEN $2 = ANY(providers) THEN array_remove(providers, $1)
    ELSE array_replace(providers, $1, $2) END
WHERE $1 = ANY(providers)
"""
_DROP_GATES = "DELETE FROM provider_state WHERE provider = $1"
_MOVE_REPLAYS = "UPDATE ops_replay SET provider = $2 WHERE provider = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrances:
    """What stands in the way of a renaming; each must be zero."""

    leased: int
    """lanes that are being served"""
    sent: int
    """orders for which something was sent under both names"""
    taken: int
    """references that another order owns under the new name"""


async def rename_provider(connection: Connection, old: str, new: str) -> int | Hindrances:
    """Move everything in the caller's transaction: how many lanes, or what stands in the way.

    Raises:
        asyncpg.UniqueViolationError: an event made a lane under the new name meanwhile; begin again.
    """
    await connection.execute(_TIMEOUT)
    await unbound(connection)
    await connection.execute(_LOCK_STATES, old, timeout=_TIMEOUT_S)
    await connection.execute(_LOCK_LANES, [old, new], timeout=_TIMEOUT_S)
    row = await connection.fetchrow(_HINDRANCES, [old, new], new, old, timeout=_TIMEOUT_S)
    found = Hindrances(**dict(row or {}))
    if found.leased or found.sent or found.taken:
        return found
    for statement in (_MERGE, _DROP_MERGED, _DROP_REFERENCES, _MOVE_REFERENCES):
        await connection.execute(statement, old, new, timeout=_TIMEOUT_S)
    moved: str = await connection.execute(_MOVE_LANES, old, new, timeout=_TIMEOUT_S)
    await connection.execute(_MOVE_STATES, old, new, timeout=_TIMEOUT_S)
    await connection.execute(_MOVE_REPLAYS, old, new, timeout=_TIMEOUT_S)
    await connection.execute(_DROP_GATES, old, timeout=_TIMEOUT_S)
    return int(moved.rsplit(maxsplit=1)[-1])
