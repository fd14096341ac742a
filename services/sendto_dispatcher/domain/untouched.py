"""A success at a lane that nobody has changed since its claim: nothing need be read to settle it. Rule 13.

Whoever settles writes only where the row is as it was seen, and a claim has seen it. What a claim does not bring, a
success overwrites.
"""

from sendto.sdk import Applied, Operation
from sendto_dispatcher.domain.endings import Finished
from sendto_dispatcher.domain.lane import Lane
from sendto_dispatcher.domain.settle import Columns


def needs_no_look(lane: Lane, finished: Finished) -> bool:
    """Whether the lane as it was claimed is all that the settle depends on."""
    return (
        lane.seen is not None
        and isinstance(finished.ending, Applied)
        and finished.operation in (Operation.CREATE, Operation.UPDATE)
        and finished.generation == lane.generation
        and finished.learned is None
        and lane.resend_generation <= lane.generation
    )


def as_claimed(lane: Lane) -> Columns:
    """The lane's columns as its claim left them, those that a success overwrites left empty."""
    return Columns(
        reference=lane.reference,
        incarnation=lane.incarnation,
        desired_generation=lane.generation,
        desired_present=lane.desired_present,
        applied_generation=lane.applied_generation,
        applied_version=None,
        applied_present=lane.applied_present,
        unconfirmed=lane.unconfirmed,
        remote=lane.remote,
        digest=lane.digest,
        resend_generation=lane.resend_generation,
        in_doubt=True,
        lease_generation=lane.generation,
        lease_doubt=lane.in_doubt,
        kept=lane.kept is not None,
        due_at=None,
        not_before=None,
        attempts=lane.attempts,
        failing_since=None,
        failing_stopped_s=None,
        hanging=lane.hanging,
        resting=None,
        reason=None,
        detail=None,
        behind_since=None,
    )
