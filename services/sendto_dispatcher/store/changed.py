"""Which orders of a source have changed lately, for whoever compares them with the source."""

from datetime import datetime
from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

_SINCE = """
SELECT order_id, version, present, changed_at FROM order_state
WHERE changed_at >= $2 AND (changed_at, order_id) > ($2, $3) AND source = $1 AND carried
ORDER BY changed_at, order_id LIMIT $4
"""
_HIGHEST = "SELECT coalesce(max(order_id), 0) FROM order_state WHERE source = $1"


async def changed_orders(
    connection: Connection, source: str, *, since: datetime, after_order_id: int, limit: int
) -> list[Row]:
    """The next orders whose state has changed since then, the longest ago first."""
    return [dict(row) for row in await connection.fetch(_SINCE, source, since, after_order_id, limit)]


async def highest_order(connection: Connection, source: str) -> int:
    """The highest number of an order that is known from the source; 0 where none is. Reads the index of orders."""
    highest: int = await connection.fetchval(_HIGHEST, source)
    return highest
