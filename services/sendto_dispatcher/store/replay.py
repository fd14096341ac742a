"""Replay: deliver again what the provider should hold. Rules 2, 18, 23 and 29 of the dispatcher's rules."""

from collections.abc import Sequence

from sendto.runtime.database import Connection

_LOCK = "SELECT id FROM lane WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"
# By hand, a Retry-After of the lane can be passed over; the time before which a look-up tells nothing cannot.
_AT_ONCE = "greatest(clock_timestamp(), CASE WHEN in_doubt THEN not_before END)"
# Version and digest are forgotten, the remote reference stays. A call that is under way was sent before the replay, so
# what it leaves does not count as this one's. A lane whose outcome is unknown is planned again, and rests again where
# nothing has changed; one whose reference is another's, one where nothing is held and nothing wanted, and one whose
# order is forgotten, stay.
_REPLAY = f"""
UPDATE lane SET
    desired_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    resend_generation = greatest(desired_generation + 1, (extract(epoch FROM statement_timestamp()) * 1000)::bigint),
    applied_carried = NULL, applied_version = NULL, digest = NULL, unconfirmed = false,
    due_at = CASE WHEN lease_token IS NOT NULL THEN due_at ELSE {_AT_ONCE} END,
    attempts = 0, failing_since = NULL, failing_stopped_s = NULL,
    resting = CASE WHEN resting = 'unknown' THEN resting END,
    reason = CASE WHEN resting = 'unknown' THEN reason END,
    detail = CASE WHEN resting = 'unknown' THEN detail END,
    behind_since = coalesce(behind_since, clock_timestamp()), changed_at = clock_timestamp()
WHERE id = ANY($1::bigint[]) AND resting IS DISTINCT FROM 'taken'
    AND (desired_present OR applied_present OR in_doubt)
    AND (NOT desired_present OR EXISTS (
        SELECT FROM order_state s WHERE s.order_id = lane.order_id AND s.source = lane.source))
"""
_RETRY = f"""
UPDATE lane SET due_at = {_AT_ONCE}
WHERE id = ANY($1::bigint[]) AND lease_token IS NULL AND due_at > clock_timestamp()
"""


async def replay(connection: Connection, lane_ids: Sequence[int]) -> int:
    """Make the lanes deliver their newest state again, in the caller's transaction; how many do.

    It never makes a second object: a lane that is held keeps its remote reference, one in doubt stays in doubt. The
    lanes become due like any other, so the provider's rate limit paces them.
    """
    return await _change(connection, _REPLAY, lane_ids)


async def retry_now(connection: Connection, lane_ids: Sequence[int]) -> int:
    """Make lanes due that wait for their next attempt, in the caller's transaction; how many were waiting."""
    return await _change(connection, _RETRY, lane_ids)


async def _change(connection: Connection, statement: str, lane_ids: Sequence[int]) -> int:
    await connection.execute(_LOCK, list(lane_ids))
    status: str = await connection.execute(statement, list(lane_ids))
    return int(status.rsplit(maxsplit=1)[-1])
