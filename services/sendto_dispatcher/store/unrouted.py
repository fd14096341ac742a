"""Orders that no route takes anywhere, in pages. No personal data."""

from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.routed_by import ROUTED_BY

_LIST = f"""
SELECT order_id, source, CASE WHEN carried THEN version END AS version, changed_at, {ROUTED_BY} AS routed_by
FROM order_state
WHERE route = 'unrouted' AND present AND (order_id, source) < (coalesce($1::bigint, 9223372036854775807), $2)
ORDER BY order_id DESC, source DESC LIMIT $3
"""


async def unrouted_rows(
    connection: Connection, *, before_id: int | None, before_source: str = "", limit: int
) -> list[dict[str, Any]]:
    """Orders with a customer that go nowhere, the highest numbers first; below this order of this source."""
    return [dict(row) for row in await connection.fetch(_LIST, before_id, before_source, limit)]
