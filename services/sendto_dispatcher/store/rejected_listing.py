"""Rejected events in pages: why and where, without what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

_COLUMNS = """
SELECT id, topic, partition, record_offset, source, order_id, reason, detail, rejected_at, published_at,
    coalesce(length(record_value), 0) AS value_bytes
"""
_CHOSEN = "($1::text IS NULL OR reason = $1) AND ($2::text IS NULL OR source = $2)"
_LIST = f"""
{_COLUMNS} FROM rejected_event WHERE {_CHOSEN} AND id < coalesce($3::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT $4
"""
_NEXT = f"SELECT id FROM rejected_event WHERE {_CHOSEN} AND id > $3 ORDER BY id LIMIT $4"
_COUNT = f"SELECT count(*) FROM rejected_event WHERE {_CHOSEN}"
_ONE = f"{_COLUMNS} FROM rejected_event WHERE id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which rejected events: of a reason, of a source."""

    reason: str | None = None
    source: str | None = None


async def rejected_rows(
    connection: Connection, chosen: Chosen | None = None, *, before_id: int | None, limit: int
) -> list[Row]:
    """The newest rejected events; those older than `before_id`, if it is given."""
    which = chosen or Chosen()
    rows = await connection.fetch(_LIST, which.reason, which.source, before_id, limit)
    return [dict(row) for row in rows]


async def next_rejected(connection: Connection, chosen: Chosen, *, after_id: int, limit: int) -> Sequence[int]:
    """The next of them, the oldest first."""
    rows = await connection.fetch(_NEXT, chosen.reason, chosen.source, after_id, limit)
    return [row["id"] for row in rows]


async def count_rejected(connection: Connection, chosen: Chosen) -> int:
    """How many there are."""
    counted: int = await connection.fetchval(_COUNT, chosen.reason, chosen.source)
    return counted


async def rejected_row(connection: Connection, rejected_id: int) -> Row | None:
    """One of them."""
    row = await connection.fetchrow(_ONE, rejected_id)
    return dict(row) if row else None
