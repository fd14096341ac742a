"""Replay: deliver again, whatever was sent before. Rules 2, 18 and 29 of the dispatcher's rules."""

from collections.abc import Sequence

from sendto.runtime.database import Connection

_LOCK = "SELECT id FROM lane WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"
# Version and digest are forgotten, the remote reference stays: it never makes a second object. Lanes that rest for a
# cause which sending again does not end, and those where nothing is held and nothing wanted, stay as they are.
_REPLAY = """
UPDATE lane SET
    desired_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    applied_carried = NULL, applied_version = NULL, digest = NULL, unconfirmed = false,
    due_at = CASE WHEN lease_token IS NOT NULL THEN due_at ELSE clock_timestamp() END,
    attempts = 0, failing_since = NULL, failing_stopped_s = NULL,
    resting = NULL, reason = NULL, detail = NULL,
    behind_since = coalesce(behind_since, clock_timestamp()), changed_at = clock_timestamp()
WHERE id = ANY($1::bigint[]) AND (resting IS NULL OR resting NOT IN ('unknown', 'taken'))
    AND (desired_present OR applied_present OR in_doubt)
"""
_RETRY = """
UPDATE lane SET due_at = clock_timestamp()
WHERE id = ANY($1::bigint[]) AND lease_token IS NULL AND due_at > clock_timestamp()
"""


async def replay(connection: Connection, lane_ids: Sequence[int]) -> int:
    """Make the lanes deliver their newest state again, in the caller's transaction; how many do."""
    await connection.fetch(_LOCK, list(lane_ids))
    status: str = await connection.execute(_REPLAY, list(lane_ids))
    return int(status.rsplit(maxsplit=1)[-1])


async def retry_now(connection: Connection, lane_ids: Sequence[int]) -> int:
    """Make lanes due that wait for their next attempt, in the caller's transaction; how many were waiting."""
    await connection.fetch(_LOCK, list(lane_ids))
    status: str = await connection.execute(_RETRY, list(lane_ids))
    return int(status.rsplit(maxsplit=1)[-1])
