"""Lanes that rest because their provider was in shadow: due again once it is not. Rule 33 of the dispatcher's rules."""

from sendto.runtime.database import Connection

# In small steps, so that no statement holds a million rows.
_ROWS = 5_000
_LEAVE = """
WITH resting AS (
    SELECT id FROM lane WHERE provider = $1 AND resting = 'shadow' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE lane SET resting = NULL, reason = NULL, detail = NULL, due_at = clock_timestamp()
FROM resting WHERE resting.id = lane.id
"""


async def leave_shadow(connection: Connection, provider: str) -> int:
    """Make lanes due that were only translated so far; how many. Call again until it returns 0."""
    status: str = await connection.execute(_LEAVE, provider, _ROWS)
    return int(status.rsplit(maxsplit=1)[-1])
