"""What a person is told of a lane: its state in one word, and a verdict in one plain sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from sendto_dispatcher.domain.endings import ADAPTER_ERROR, SHADOW
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
    SHADOW = "shadow"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """What the verdict is made of. Versions are None where the producer carries none."""

    lane_id: int
    provider: str
    reference: str
    configured: bool
    """whether the provider is served"""
    problem: str | None = None
    """why it cannot be served, although it is configured"""
    disabled: bool = False
    desired_version: int | None
    desired_present: bool
    converged: bool
    unconfirmed: bool
    in_doubt: bool
    leased: bool
    lease_expired: bool
    holder_heard_at: datetime | None
    """when the process that holds the lease last said that it lives; None: it has ended"""
    resting: str | None
    due_at: datetime | None
    now: datetime
    attempts: int
    failing_since: datetime | None
    reason: str | None
    detail: str | None
    changed_at: datetime
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    held_at: datetime | None = None
    hold_reason: str | None = None
    opened_at: datetime | None = None
    blocked_until: datetime | None = None
    limit: str | None = None
    """the provider's rate limit as it is configured, where it has one"""
    tokens: float = 0.0
    """requests that may go out now, where there is a limit"""


_SILENT = timedelta(seconds=15)
"""a process that was not heard for so long is frozen, cut off or gone"""
_OVERDUE = timedelta(seconds=10)


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


def verdict(lane: LaneView) -> str:  # noqa: C901 - one exhaustive match
    """Where the lane stands, and what happens next."""
    name, state = lane.provider, _state(lane)
    word = lane_word(lane)
    match word:
        case LaneWord.CONVERGED:
            return _converged(lane, state)
        case LaneWord.UNCONFIRMED:
            return f"{name} accepted {state} at {time_told(lane.changed_at)} and has not confirmed it."
        case LaneWord.LEASED:
            return _leased(lane, state)
        case LaneWord.PARKED:
            return _parked(lane)
        case LaneWord.DEAD:
            return f"{_dead(lane, state)}; it is tried again when the customer or order changes, or by: {_replay(lane)}"
        case LaneWord.UNKNOWN:
            return (
                f"It is not known whether {name} holds {state}: {_because(lane)}; it is not sent again blindly. "
                f"Look there for reference {lane.reference}, then: {_replay(lane)}"
            )
        case LaneWord.TAKEN:
            return (
                f"{name} was not asked: reference {lane.reference} belongs to an order of another source; "
                "give one of the two a reference_prefix in the configuration."
            )
        case LaneWord.UNSUPPORTED:
            return f"{name} cannot take {state}: {_because(lane)}."
        case LaneWord.SHADOW:
            return (
                f"{name} is in shadow: {state} was translated{_unless_well(lane)} and not sent; it is sent when that "
                "ends. What would be sent: sendto plan"
            )
        case LaneWord.DUE:
            return _gated(lane) or _due(lane, state)
        case LaneWord.WAITING:
            return _gated(lane) or _waiting(lane, state)
        case _:
            assert_never(word)


def _parked(lane: LaneView) -> str:
    name = lane.provider
    if lane.problem is not None:
        return f"Waiting: {name} cannot be served ({lane.problem}); it goes on once that is mended."
    if lane.disabled:
        return f"Waiting: {name} is disabled in the configuration; it goes on once it is enabled."
    return f"Waiting: no provider {name} is configured; it goes on when there is one."


def _converged(lane: LaneView, state: str) -> str:
    if lane.desired_present:
        return f"{lane.provider} has {state}, the newest, since {time_told(lane.changed_at)}."
    return f"{lane.provider} holds nothing, as it should after {state}, since {time_told(lane.changed_at)}."


def _leased(lane: LaneView, state: str) -> str:
    sending = f"{_capital(state)} is being sent to {lane.provider} now"
    if lane.holder_heard_at is not None and lane.now - lane.holder_heard_at <= _SILENT:
        return f"{sending}."
    silent = "has ended" if lane.holder_heard_at is None else f"was last heard at {time_told(lane.holder_heard_at)}"
    taken_over = f"at {time_told(lane.due_at)}" if lane.due_at else "soon"
    return f"{sending}, by a process that {silent}; another takes over {taken_over}."


def _dead(lane: LaneView, state: str) -> str:
    if lane.reason is not None and lane.reason.startswith("needs_"):
        return f"{lane.provider} cannot take {state}: it needs {_words(lane.reason.removeprefix('needs_'))}"
    if lane.failing_since is not None:
        tries = _attempts(lane.attempts)
        return f"{lane.provider} did not take {state} in {tries} since {time_told(lane.failing_since)} ({_why(lane)})"
    if lane.reason == ADAPTER_ERROR:
        return f"The adapter of {lane.provider} failed on {state}, a fault of the plugin: {_because(lane)}"
    return f"{lane.provider} refused {state}: {_because(lane)}"


def _gated(lane: LaneView) -> str | None:
    """What holds back all lanes of the provider, if anything does."""
    name = lane.provider
    if lane.paused_at is not None:
        why = f", {lane.pause_reason}" if lane.pause_reason else ""
        by = lane.paused_by or "hand"
        return f"Waiting: {name} is paused by {by} since {time_told(lane.paused_at)}{why} (sendto resume {name})."
    if lane.held_at is not None:
        return (
            f"Waiting: {name} is held since {time_told(lane.held_at)} ({lane.hold_reason or 'unknown'}); it is probed, "
            f"and goes on once its credentials and address are right (sendto providers check {name})."
        )
    if lane.opened_at is not None:
        return f"Waiting: {name} is down since {time_told(lane.opened_at)}; it is probed every few seconds."
    if lane.blocked_until is not None and lane.blocked_until > lane.now:
        return f"Waiting: {name} asked us to wait until {time_told(lane.blocked_until)}."
    return None


def _waiting(lane: LaneView, state: str) -> str:
    doubt = "; first it is found out whether the last attempt arrived" if lane.in_doubt else ""
    tries = f", after {_attempts(lane.attempts, 'failed ')}" if lane.attempts else ""
    when = time_told(lane.due_at) if lane.due_at else "once it is due"
    return f"Waiting: {state} goes to {lane.provider} again at {when}{tries} ({_why(lane)}){doubt}."


def _due(lane: LaneView, state: str) -> str:
    name = lane.provider
    if lane.lease_expired:
        return f"The process that was sending {state} to {name} stopped before it knew the outcome; another takes over."
    if lane.limit is not None and lane.tokens < 1:
        return f"Waiting: the rate limit of {name} ({lane.limit}) is used up; {state} is in turn."
    if lane.due_at is not None and lane.now - lane.due_at > _OVERDUE:
        since = time_told(lane.due_at)
        return f"{_capital(state)} has been due to go to {name} since {since}, and no process took it yet."
    return f"{_capital(state)} is due to go to {name} now."


def _state(lane: LaneView) -> str:
    version = "" if lane.desired_version is None else f" (version {lane.desired_version})"
    return f"the customer{version}" if lane.desired_present else f"the removal{version}"


def _why(lane: LaneView) -> str:
    words = [part for part in (lane.reason, lane.detail) if part]
    return ": ".join(words) or "no reason known"


def _because(lane: LaneView) -> str:
    """The provider's words first, the code after them."""
    if lane.detail and lane.reason:
        return f"{lane.detail} ({lane.reason})"
    return lane.detail or lane.reason or "no reason known"


def _unless_well(lane: LaneView) -> str:
    """Why a state could not be translated, if it could not."""
    return "" if lane.reason in {None, SHADOW} else f" ({_why(lane)})"


def _words(code: str) -> str:
    return code.replace("_", " ")


def _replay(lane: LaneView) -> str:
    return f"sendto replay --lane {lane.lane_id}"


def _attempts(count: int, kind: str = "") -> str:
    return f"{count} {kind}attempt" if count == 1 else f"{count} {kind}attempts"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def time_told(moment: datetime) -> str:
    """A moment as people are told it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
