"""What an attempt's end means for its lane.

`settle` takes the lane's columns as they stand under the settle's lock and gives them as they shall be written. The
fence (the lease's token) has been checked before. Rules 2, 15 to 19, 23, 27, 28 and 32 of the dispatcher's rules.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from sendto.kernel.backoff import Backoff
from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Capabilities,
    Gone,
    Operation,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.lane import Resting, Version
from sendto_dispatcher.domain.plan import Learned, Rest

RATE_LIMITED_WAIT_S = 1.0
"""how long a lane waits that was told to slow down, but not for how long"""


@dataclass(frozen=True, slots=True)
class Released:
    """Nothing was sent; the claim is undone."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Something was sent, and the process stops before it knows the answer; spends no attempt."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """No call was needed: the provider holds the desired state already."""


@dataclass(frozen=True, slots=True)
class Held:
    """The provider is held: it refuses our credentials, or its address is gone. The lane waits with it."""

    reason: str
    detail: str = ""


Ending = Outcome | Released | Interrupted | Unchanged | Held | Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An attempt that has ended: what it served, what came of it."""

    lane_id: int
    lease_token: UUID
    operation: Operation | None
    """None where no call was made"""
    generation: int
    version: Version
    ending: Ending
    sent: bool
    """whether anything may have left for the provider"""
    number: int
    requests: int = 0
    digest: bytes | None = None
    learned: Learned | None = None
    kept_was_sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a lane that a settle reads and writes. Times are the database's."""

    reference: str
    incarnation: int
    desired_generation: int
    desired_present: bool
    applied_generation: int
    applied_version: Version | None
    applied_present: bool
    unconfirmed: bool
    remote: str | None
    digest: bytes | None
    in_doubt: bool
    lease_doubt: bool
    kept: bool
    """whether a kept body stays"""
    due_at: datetime | None
    attempts: int
    failing_since: datetime | None
    failing_stopped_s: float | None
    hanging: bool
    resting: str | None
    reason: str | None
    detail: str | None
    behind_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a provider's configuration and state say about failures."""

    backoff: Backoff
    give_up_after_s: float
    capabilities: Capabilities = field(default_factory=Capabilities)
    stopped_s: float = 0.0
    """how long the provider was paused, held or open, all in all"""


def settle(  # noqa: C901, PLR0912 - one exhaustive match over the closed set of endings
    lane: Columns, finished: Finished, policy: Policy, now: datetime, *, jitter: float | None = None
) -> Columns:
    """The lane after the attempt. `now` is the database's clock, `jitter` in [0, 1] is drawn unless given."""
    if finished.learned is not None:
        lane = _learn(lane, finished.learned)
    ending = finished.ending
    match ending:
        case Applied(remote) | Accepted(remote):
            return _applied(lane, finished, policy, now, remote=remote, unconfirmed=isinstance(ending, Accepted))
        case AlreadyAbsent():
            return _absent(lane, finished, policy, now)
        case Unchanged():
            return _unchanged(lane, finished, now)
        case Transient() | Ambiguous():
            return _failed(lane, finished, ending, policy, now, jitter=jitter)
        case RateLimited(retry_after_s, code):
            wait_s = RATE_LIMITED_WAIT_S if retry_after_s is None else retry_after_s
            return replace(_undone(lane), due_at=_after(now, wait_s), reason=code, detail=None)
        case Rejected(code, detail):
            return _at_rest(_clear_kept(lane, finished), finished, now, Rest(Resting.DEAD, code, detail))
        case Unsupported(code, detail):
            return _at_rest(lane, finished, now, Rest(Resting.UNSUPPORTED, code, detail))
        case Rest():
            return _at_rest(lane, finished, now, ending)
        case Held(code, detail) | Unauthorized(code, detail) | Gone(code, detail):
            return replace(_undone(lane), due_at=now, reason=code, detail=detail or None)
        case Released():
            return replace(_undone(lane), due_at=now)
        case Interrupted():
            return replace(lane, due_at=_after(now, policy.capabilities.lookup_lag_s), in_doubt=True)
        case _:
            assert_never(ending)


def _current(lane: Columns, finished: Finished) -> bool:
    return lane.desired_generation == finished.generation


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


def _undone(lane: Columns) -> Columns:
    """Nothing was done at the provider: the doubt is as the claim found it."""
    return replace(lane, in_doubt=lane.lease_doubt)


def _learn(lane: Columns, learned: Learned) -> Columns:
    remote = learned.remote if learned.present else None
    return replace(
        lane, applied_present=learned.present, remote=remote, digest=None, in_doubt=False, lease_doubt=False, kept=False
    )


def _clear_kept(lane: Columns, finished: Finished) -> Columns:
    """A repeated create was refused: neither it nor the first one made anything."""
    return replace(lane, kept=False, lease_doubt=False) if finished.kept_was_sent else lane


def _success(lane: Columns) -> Columns:
    return replace(
        lane,
        in_doubt=False,
        kept=False,
        attempts=0,
        failing_since=None,
        failing_stopped_s=None,
        hanging=False,
        resting=None,
        reason=None,
        detail=None,
    )


def _converged_or_due(lane: Columns, now: datetime) -> Columns:
    if lane.applied_generation == lane.desired_generation:
        return replace(lane, due_at=None, behind_since=None)
    return replace(lane, due_at=now, behind_since=lane.behind_since or now)


def _applied(
    lane: Columns,
    finished: Finished,
    policy: Policy,
    now: datetime,
    *,
    remote: RemoteRef | None,
    unconfirmed: bool,
) -> Columns:
    if finished.operation is Operation.DELETE:
        lane = _gone(lane, policy)
    else:
        held = remote.value if remote else lane.remote
        lane = replace(lane, applied_present=True, remote=held, digest=finished.digest)
    lane = replace(
        _success(lane),
        applied_generation=finished.generation,
        applied_version=finished.version,
        unconfirmed=unconfirmed,
    )
    return _converged_or_due(lane, now)


def _gone(lane: Columns, policy: Policy) -> Columns:
    """The provider surely holds nothing; where a reference is spent with its object, the next one is numbered."""
    lane = replace(lane, applied_present=False, remote=None, digest=None)
    if policy.capabilities.reference_reusable:
        return lane
    base = lane.reference.removesuffix(f"-{lane.incarnation}") if lane.incarnation > 1 else lane.reference
    return replace(lane, incarnation=lane.incarnation + 1, reference=f"{base}-{lane.incarnation + 1}")


def _absent(lane: Columns, finished: Finished, policy: Policy, now: datetime) -> Columns:
    if finished.operation is Operation.DELETE:
        return _applied(lane, finished, policy, now, remote=None, unconfirmed=False)
    lane = replace(_gone(lane, policy), in_doubt=False, unconfirmed=False)
    return replace(lane, due_at=now, reason="object_missing", detail="the provider does not hold it any more")


def _unchanged(lane: Columns, finished: Finished, now: datetime) -> Columns:
    lane = replace(
        _success(lane),
        in_doubt=lane.lease_doubt,
        applied_generation=finished.generation,
        applied_version=finished.version,
    )
    return _converged_or_due(lane, now)


def _failed(
    lane: Columns,
    finished: Finished,
    ending: Transient | Ambiguous,
    policy: Policy,
    now: datetime,
    *,
    jitter: float | None,
) -> Columns:
    wait_s = policy.backoff.wait_s(lane.attempts + 1, jitter)
    nothing_done = not finished.sent
    if isinstance(ending, Transient):
        wait_s = max(wait_s, ending.retry_after_s or 0.0)
        nothing_done = nothing_done or ending.nothing_done
    else:
        wait_s = max(wait_s, policy.capabilities.lookup_lag_s)
    lane = _undone(lane) if nothing_done else replace(lane, in_doubt=True)
    lane = replace(
        lane,
        attempts=lane.attempts + 1,
        hanging=ending.timed_out,
        reason=ending.code,
        detail=ending.detail or None,
        due_at=_after(now, wait_s),
    )
    return _aged(lane, policy, now) if _current(lane, finished) else lane


def _aged(lane: Columns, policy: Policy, now: datetime) -> Columns:
    """Count the age of the failure, leaving out the time in which the provider was stopped; too old is dead."""
    if lane.failing_since is None:
        return replace(lane, failing_since=now, failing_stopped_s=policy.stopped_s)
    age_s = (now - lane.failing_since).total_seconds() - (policy.stopped_s - (lane.failing_stopped_s or 0.0))
    if age_s < policy.give_up_after_s:
        return lane
    return replace(lane, resting=Resting.DEAD, due_at=None)


def _at_rest(lane: Columns, finished: Finished, now: datetime, rest: Rest) -> Columns:
    """Only the desired generation can come to rest; a late refusal of an older one never buries newer state."""
    lane = replace(_undone(lane), hanging=False)
    if not _current(lane, finished) and rest.resting is not Resting.UNKNOWN:
        return replace(lane, due_at=now)
    return replace(lane, due_at=None, resting=rest.resting, reason=rest.reason, detail=rest.detail or None)
