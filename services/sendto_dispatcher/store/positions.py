"""Where each partition is to be read on. Rules 5 and 7 of the dispatcher's rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sendto.runtime.database import Connection

_READ = """
SELECT p.partition, p.cluster_id, p.next_offset FROM intake_position p
WHERE p.topic = $1 AND p.partition = ANY($2::int[])
"""
_PLACE = """
INSERT INTO intake_position (topic, partition, cluster_id, next_offset)
SELECT $1, n.partition, $2, n.next_offset FROM unnest($3::int[], $4::bigint[]) AS n(partition, next_offset)
ORDER BY n.partition
ON CONFLICT (topic, partition) DO UPDATE
SET cluster_id = excluded.cluster_id, next_offset = excluded.next_offset, updated_at = now()
WHERE intake_position.cluster_id <> excluded.cluster_id OR intake_position.next_offset < excluded.next_offset OR $5
"""
# A leased lane is in doubt already; that its release restores the mark must be said as well.
_DOUBT = """
UPDATE lane SET in_doubt = true, lease_doubt = CASE WHEN lease_token IS NOT NULL THEN true END
WHERE id IN (
    SELECT id FROM lane WHERE id > $1 AND (NOT in_doubt OR NOT lease_doubt) ORDER BY id LIMIT $2 FOR UPDATE)
RETURNING id
"""
_DOUBT_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to read, in the cluster of this id."""

    cluster_id: str
    next_offset: int


async def read_positions(connection: Connection, topic: str, partitions: Sequence[int]) -> dict[int, Position]:
    """The stored positions, by partition."""
    rows = await connection.fetch(_READ, topic, list(partitions))
    return {row["partition"]: Position(row["cluster_id"], row["next_offset"]) for row in rows}


async def place(
    connection: Connection, topic: str, cluster_id: str, offsets: Mapping[int, int], *, reset: bool = False
) -> None:
    """Make sure that each partition has at least this position in this cluster; only a reset lowers one."""
    if offsets:
        await connection.execute(_PLACE, topic, cluster_id, list(offsets), list(offsets.values()), reset)


async def doubt_some_lanes(connection: Connection, after_id: int, *, limit: int = _DOUBT_ROWS) -> int | None:
    """Mark the next few thousand lanes in doubt; the id to go on after, None when all are."""
    rows = await connection.fetch(_DOUBT, after_id, limit)
    return max(row["id"] for row in rows) if rows else None
