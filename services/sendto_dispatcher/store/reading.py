"""Lanes as a claim would find them, without claiming them: for plans and audits."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.lane import Claim, State
from sendto_dispatcher.store.claims import lane_of, states_of

_NOBODY = UUID(int=0)
STRETCH = 20_000
"""the most lanes that one page of an audit looks at"""
_COLUMNS = """
    id, provider, source, order_id, reference, incarnation, desired_generation, desired_carried, desired_version,
    desired_present, applied_generation, applied_present, unconfirmed, remote, digest, in_doubt AS lease_doubt,
    attempts, hanging, kept_generation, kept_body::text AS kept_body,
    extract(epoch FROM clock_timestamp() - kept_at)::float8 AS kept_age_s,
    NULL::uuid AS old_token, NULL::bigint AS old_generation, NULL::text AS old_replica,
    NULL::timestamptz AS old_leased_at
"""
_OF_ORDER = f"SELECT {_COLUMNS} FROM lane WHERE order_id = $1 ORDER BY source, provider"
_ORDER_STATES = "SELECT order_id, source FROM order_state WHERE order_id = $1 ORDER BY source"
# A stretch of the table at a time: a page costs the same however few of the lanes are the provider's.
_PAGE = f"""
WITH stretch AS MATERIALIZED (
    SELECT id, provider FROM lane WHERE id > $2 ORDER BY id LIMIT {STRETCH}
), chosen AS (
    SELECT id FROM stretch WHERE provider = $1 ORDER BY id LIMIT $3
)
SELECT {_COLUMNS}, lease_token IS NULL AND resting IS NULL AND NOT in_doubt AND NOT unconfirmed
    AND applied_generation = desired_generation AS settled
FROM lane WHERE id IN (SELECT id FROM chosen) ORDER BY id
"""
_STRETCH_END = f"""
SELECT max(id) AS last_id, count(*) AS looked_at FROM (
    SELECT id FROM lane WHERE id > $1 ORDER BY id LIMIT {STRETCH}
) AS stretch
"""
_IS_STILL = """
SELECT 1 FROM lane WHERE id = $1 AND desired_generation = $2 AND applied_generation = $2 AND lease_token IS NULL
"""
# A new generation, so that the newest state is sent; what the provider was found to hold is what is known of it now.
_REPAIR = """
UPDATE lane SET
    desired_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    applied_present = $3, remote = $4, applied_carried = NULL, applied_version = NULL, digest = NULL,
    due_at = clock_timestamp(), attempts = 0, failing_since = NULL, failing_stopped_s = NULL,
    reason = 'audit', detail = NULL, behind_since = coalesce(behind_since, clock_timestamp()),
    changed_at = clock_timestamp()
WHERE id = $1 AND desired_generation = $2 AND applied_generation = $2 AND lease_token IS NULL AND resting IS NULL
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Audited:
    """A lane of a page; `settled` says that nothing is under way, so that it can be compared."""

    claim: Claim
    settled: bool


async def claims_of_order(connection: Connection, order_id: int) -> tuple[list[Claim], dict[str, State]]:
    """The lanes of an order with their states, and the order's state by source."""
    rows = await connection.fetch(_OF_ORDER, order_id)
    states = await states_of(connection, await connection.fetch(_ORDER_STATES, order_id))
    claims = [_claim(row, states) for row in rows]
    return claims, {source: state for (_, source), state in states.items()}


async def audit_page(
    connection: Connection, provider: str, *, after: int, limit: int
) -> tuple[Sequence[Audited], int | None]:
    """Lanes of a provider in the order of their ids, and after which id to go on; None at the end.

    A page may be short, or empty, and still have a next one.
    """
    rows = await connection.fetch(_PAGE, provider, after, limit)
    states = await states_of(connection, rows)
    lanes = [Audited(_claim(row, states), row["settled"]) for row in rows]
    if len(rows) == limit:
        return lanes, rows[-1]["id"]
    end = await connection.fetchrow(_STRETCH_END, after)
    return lanes, end["last_id"] if end and end["looked_at"] == STRETCH else None


async def is_still(connection: Connection, lane_id: int, generation: int) -> bool:
    """Whether a lane that was converged at this generation still is."""
    return await connection.fetchval(_IS_STILL, lane_id, generation) is not None


async def repair(connection: Connection, lane_id: int, generation: int, *, present: bool, remote: str | None) -> bool:
    """Make the lane deliver again, knowing what was found; False if it is not as it was any more."""
    return await connection.fetchval(_REPAIR, lane_id, generation, present, remote) is not None


def _claim(row: asyncpg.Record, states: dict[tuple[int, str], State]) -> Claim:
    return Claim(lane=lane_of(row, _NOBODY), state=states.get((row["order_id"], row["source"])))
