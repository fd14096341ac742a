"""What newer state of an order means for the desired side of its lanes. Rules 2, 15, 18, 23 and 31."""

from dataclasses import dataclass
from enum import StrEnum

from sendto_dispatcher.domain.lane import Resting


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneKnown:
    """A lane as intake finds it under its lock."""

    id: int
    provider: str
    desired_present: bool
    applied_present: bool
    in_doubt: bool
    leased: bool
    waiting: bool
    """it waits for its next attempt; a converged lane that waits to be confirmed does not"""
    resting: str | None


class Due(StrEnum):
    """What becomes of a lane's due time."""

    NOW = "now"
    KEEP = "keep"
    """it waits in backoff, or someone is at it, or it rests for a cause that newer state does not end"""
    CONVERGED = "converged"
    """nothing was ever sent and nothing is wanted any more: no call"""


@dataclass(frozen=True, slots=True)
class Change:
    """A new desired side; `revive` ends a rest, with a fresh count of failures."""

    lane_id: int
    present: bool
    due: Due
    revive: bool


def desire(lane: LaneKnown, *, present: bool, suspect: bool = False) -> Change | None:
    """The change that newer state makes, None where a lane that should be absent stays so.

    `suspect`: the provider may hold something that the database has forgotten, so that even an absent lane must ask.
    """
    if not present and not suspect:
        if not lane.desired_present:
            return None
        if not lane.applied_present and not lane.in_doubt and not lane.leased:
            return Change(lane.id, present, Due.CONVERGED, revive=True)
    if lane.resting == Resting.TAKEN:
        return Change(lane.id, present, Due.KEEP, revive=False)
    if lane.resting is not None and lane.resting != Resting.UNKNOWN:
        return Change(lane.id, present, Due.NOW, revive=True)
    # A lane whose outcome is unknown is planned again, and rests again without a call unless its cause is gone.
    return Change(lane.id, present, Due.KEEP if lane.waiting or lane.leased else Due.NOW, revive=False)
