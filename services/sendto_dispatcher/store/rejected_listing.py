"""Rejected events in pages: why and where, without what is in them."""

from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

_COLUMNS = """
SELECT id, topic, partition, record_offset, source, order_id, reason, detail, rejected_at, published_at,
    coalesce(length(record_value), 0) AS value_bytes
"""
_LIST = f"""
{_COLUMNS} FROM rejected_event WHERE id < coalesce($1::bigint, 9223372036854775807) ORDER BY id DESC LIMIT $2
"""
_ONE = f"{_COLUMNS} FROM rejected_event WHERE id = $1"


async def rejected_rows(connection: Connection, *, before_id: int | None, limit: int) -> list[Row]:
    """The newest rejected events; those older than `before_id`, if it is given."""
    return [dict(row) for row in await connection.fetch(_LIST, before_id, limit)]


async def rejected_row(connection: Connection, rejected_id: int) -> Row | None:
    """One of them."""
    row = await connection.fetchrow(_ONE, rejected_id)
    return dict(row) if row else None
