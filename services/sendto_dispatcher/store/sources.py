"""Sources of events: which were heard, and forgetting the versions that one has sent. Rule 3."""

from sendto.runtime.database import Connection

_HEARD = """
SELECT source, count(*) AS events, max(taken_at) AS last_taken_at FROM (
    SELECT source, taken_at FROM intake_event ORDER BY id DESC LIMIT $1
) AS newest GROUP BY source ORDER BY source
"""
_HEARD_EVENTS = 10_000
_COUNT = """
SELECT count(*) FROM order_state WHERE source = $1 AND version > $2 AND (carried OR version > 0)
"""
# An event of any version counts then, with one and without.
_RESET = """
WITH chosen AS (
    SELECT order_id, source FROM order_state
    WHERE order_id > $3 AND source = $1 AND version > $2 AND (carried OR version > 0)
    ORDER BY order_id LIMIT $4 FOR UPDATE
)
UPDATE order_state s SET carried = false, version = 0 FROM chosen
WHERE s.order_id = chosen.order_id AND s.source = chosen.source
RETURNING s.order_id
"""
_STEP_ROWS = 5_000


async def heard_sources(connection: Connection) -> list[dict[str, object]]:
    """The sources of the newest events, with how many of them each sent."""
    return [dict(row) for row in await connection.fetch(_HEARD, _HEARD_EVENTS)]


async def count_versions(connection: Connection, source: str, *, above: int) -> int:
    """How many orders of the source have a known version above this one."""
    counted: int = await connection.fetchval(_COUNT, source, above)
    return counted


async def forget_versions(connection: Connection, source: str, *, above: int, after_order_id: int) -> tuple[int, int]:
    """Forget the versions of some orders: how many, and the order id to go on after, in the caller's transaction."""
    rows = await connection.fetch(_RESET, source, above, after_order_id, _STEP_ROWS)
    return len(rows), max((row["order_id"] for row in rows), default=after_order_id)
