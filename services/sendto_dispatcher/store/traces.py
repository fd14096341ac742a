"""The traces of changes that become one call. Asked for only where traces are made."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.lane import Claim

_MOST = 32
"""links of one call"""
_MERGED = """
SELECT l.id, e.traceparent FROM lane l CROSS JOIN LATERAL (
    SELECT id, traceparent FROM intake_event
    WHERE order_id = l.order_id AND source = l.source AND verdict IN ('counted', 'folded') AND traceparent IS NOT NULL
        AND (carried, version) > (coalesce(l.applied_carried, false), coalesce(l.applied_version, -1))
        AND (carried, version) < (l.desired_carried, l.desired_version)
    ORDER BY id DESC LIMIT $2
) AS e WHERE l.id = ANY($1::bigint[]) ORDER BY l.id, e.id
"""


async def with_merged(connection: Connection, claims: Sequence[Claim]) -> list[Claim]:
    """The claims, each with the contexts of changes between what the provider holds and what is sent, oldest first."""
    merged: dict[int, list[str]] = defaultdict(list)
    for row in await connection.fetch(_MERGED, [claim.lane.id for claim in claims], _MOST):
        merged[row["id"]].append(row["traceparent"])
    return [replace(claim, merged=tuple(merged[claim.lane.id])) for claim in claims]
