"""What a person is told of a lane: its state in one word, and a verdict in one plain sentence."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from sendto_dispatcher.domain.lane import Resting


class LaneWord(StrEnum):
    """Every state that a lane can be in."""

    CONVERGED = "converged"
    UNCONFIRMED = "unconfirmed"
    LEASED = "leased"
    DUE = "due"
    WAITING = "waiting"
    DEAD = "dead"
    UNKNOWN = "unknown"
    TAKEN = "taken"
    UNSUPPORTED = "unsupported"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """What the verdict is made of. Versions are None where the producer carries none."""

    provider: str
    configured: bool
    desired_version: int | None
    desired_present: bool
    converged: bool
    unconfirmed: bool
    leased: bool
    resting: str | None
    due_at: datetime | None
    now: datetime
    attempts: int
    reason: str | None
    detail: str | None
    changed_at: datetime
    paused_at: datetime | None = None
    paused_by: str | None = None
    held_at: datetime | None = None
    hold_reason: str | None = None
    opened_at: datetime | None = None
    blocked_until: datetime | None = None


def lane_word(lane: LaneView) -> LaneWord:
    """The lane's state in one word."""
    if lane.leased:
        return LaneWord.LEASED
    if lane.resting is not None:
        return LaneWord(Resting(lane.resting))
    if lane.converged:
        return LaneWord.UNCONFIRMED if lane.unconfirmed else LaneWord.CONVERGED
    if not lane.configured:
        return LaneWord.PARKED
    return LaneWord.WAITING if lane.due_at is not None and lane.due_at > lane.now else LaneWord.DUE


def verdict(lane: LaneView) -> str:
    """Where the lane stands, and what happens next."""
    name, state = lane.provider, _state(lane)
    word = lane_word(lane)
    match word:
        case LaneWord.CONVERGED:
            return f"{name} has {state}, the newest, since {_time(lane.changed_at)}."
        case LaneWord.UNCONFIRMED:
            return f"{name} accepted {state} at {_time(lane.changed_at)} and has not confirmed it."
        case LaneWord.LEASED:
            return f"{state} is being sent to {name} now."
        case LaneWord.PARKED:
            return f"Waiting: no provider {name} is configured; it goes on when there is one."
        case LaneWord.DEAD:
            return f"{name} did not take {state} ({_why(lane)}); it is tried again when the customer or order changes."
        case LaneWord.UNKNOWN:
            return f"It is not known whether {name} holds {state} ({_why(lane)}); it is not sent again blindly."
        case LaneWord.TAKEN:
            return f"{name} was not asked: the reference belongs to an order of another source."
        case LaneWord.UNSUPPORTED:
            return f"{name} cannot do this ({_why(lane)})."
        case LaneWord.DUE | LaneWord.WAITING:
            return _waiting(lane, state)
        case _:
            assert_never(word)


def _waiting(lane: LaneView, state: str) -> str:
    name = lane.provider
    if lane.paused_at is not None:
        return f"Waiting: {name} is paused by {lane.paused_by or 'hand'} since {_time(lane.paused_at)}."
    if lane.held_at is not None:
        return f"Waiting: {name} is held since {_time(lane.held_at)} ({lane.hold_reason or 'unknown'}); it is probed."
    if lane.opened_at is not None:
        return f"Waiting: {name} is down since {_time(lane.opened_at)}; it is probed every few seconds."
    if lane.blocked_until is not None and lane.blocked_until > lane.now:
        return f"Waiting: {name} asked us to wait until {_time(lane.blocked_until)}."
    if lane.due_at is not None and lane.due_at > lane.now:
        tries = f"after {lane.attempts} failed attempts ({_why(lane)})" if lane.attempts else f"({_why(lane)})"
        return f"Waiting: {state} goes to {name} again at {_time(lane.due_at)}, {tries}."
    return f"{state[0].upper()}{state[1:]} is due to go to {name} now."


def _state(lane: LaneView) -> str:
    version = "" if lane.desired_version is None else f" version {lane.desired_version}"
    return f"the customer,{version}".rstrip(",") if lane.desired_present else f"the deletion,{version}".rstrip(",")


def _why(lane: LaneView) -> str:
    words = [part for part in (lane.reason, lane.detail) if part]
    return ": ".join(words) or "no reason known"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
