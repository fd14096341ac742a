"""What an attempt's end means for its lane.

`settle` takes the lane's columns as they stand and gives them as they shall be written, if they still stand so then.
The fence (the lease's token) has been checked before. Rules 2, 15 to 19, 23, 27, 28 and 32 of the dispatcher's rules.
"""

from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from sendto.kernel.backoff import Backoff
from sendto.sdk import (
    RETRY_AFTER_MAX_S,
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Capabilities,
    Gone,
    Operation,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.endings import (
    CONFIRM,
    Confirmed,
    Differs,
    Finished,
    Held,
    Interrupted,
    Released,
    Shadowed,
    Unchanged,
)
from sendto_dispatcher.domain.lane import Resting, Version
from sendto_dispatcher.domain.plan import Rest

RATE_LIMITED_WAIT_S = 1.0
"""how long a lane waits that was told to slow down, but not for how long"""


class Columns(Struct, frozen=True, kw_only=True):
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
    resend_generation: int
    in_doubt: bool
    lease_generation: int
    """the desired generation as the claim found it"""
    lease_doubt: bool
    kept: bool
    """whether a kept body stays"""
    due_at: datetime | None
    not_before: datetime | None
    attempts: int
    failing_since: datetime | None
    failing_stopped_s: float | None
    hanging: bool
    resting: str | None
    reason: str | None
    detail: str | None
    behind_since: datetime | None

    @property
    def overtaken(self) -> bool:
        """Whether something may have reached the provider after the call that is being settled, or shall be sent again.

        Then the call does not tell what the provider holds.
        """
        return self.lease_generation < self.resend_generation


class Policy(Struct, frozen=True, kw_only=True):
    """What a provider's configuration and state say about failures."""

    backoff: Backoff
    give_up_after_s: float
    capabilities: Capabilities = field(default_factory=Capabilities)
    confirm_after_s: float = 5.0
    """how long after a provider has accepted a state it is asked for it"""
    stopped_s: float = 0.0
    """how long the provider was paused, held or open, all in all"""


def settle(  # noqa: C901, PLR0912 - one exhaustive match over the closed set of endings
    lane: Columns, finished: Finished, policy: Policy, now: datetime, *, jitter: float | None = None
) -> Columns:
    """The lane after the attempt. `now` is the database's clock, `jitter` in [0, 1] is drawn unless given."""
    if finished.learned is not None:
        lane = _learn(lane, present=finished.learned.present, remote=finished.learned.remote)
    ending = finished.ending
    match ending:
        case Confirmed(present):
            return _confirmed(lane, finished, policy, now, present=present)
        case Differs():
            return _differs(lane, finished, ending, policy, now, jitter=jitter)
        case Applied(remote) if finished.operation != CONFIRM:
            return _applied(lane, finished, policy, now, remote=remote, unconfirmed=False)
        case Accepted(remote) if finished.operation != CONFIRM:
            return _applied(lane, finished, policy, now, remote=remote, unconfirmed=True)
        case AlreadyAbsent() if finished.operation != CONFIRM:
            return _absent(lane, finished, policy, now, jitter=jitter)
        case Unchanged():
            return _unchanged(lane, finished, policy, now)
        case RateLimited(retry_after_s, code):
            wait_s = RATE_LIMITED_WAIT_S if retry_after_s is None else retry_after_s
            return replace(_bound(_undone(lane), now, wait_s), hanging=False, reason=code, detail=None)
        case Held(code, detail) | Unauthorized(code, detail) | Gone(code, detail):
            return replace(_undone(lane), due_at=now, hanging=False, reason=code, detail=detail or None)
        case Released():
            return replace(_undone(lane), due_at=now)
        case Shadowed(code, detail):
            return _at_rest(lane, finished, now, Rest(Resting.SHADOW, code, detail))
        case Interrupted() if finished.operation == CONFIRM:
            return replace(_undone(lane), due_at=now)
        case Interrupted():
            return replace(_bound(lane, now, policy.capabilities.lookup_lag_s), in_doubt=True)
        case _ if finished.operation == CONFIRM:
            return _not_told(lane, ending, policy, now, jitter=jitter)
        case Transient() | Ambiguous():
            return _failed(lane, finished, ending, policy, now, jitter=jitter)
        case Rejected(code, detail):
            return _at_rest(_clear_kept(lane, finished), finished, now, Rest(Resting.DEAD, code, detail))
        case Unsupported(code, detail):
            return _at_rest(lane, finished, now, Rest(Resting.UNSUPPORTED, code, detail))
        case Rest():
            return _at_rest(lane, finished, now, ending)
        case Applied() | Accepted() | AlreadyAbsent():
            raise AssertionError("these are matched above unless the call was a confirmation")
        case _:
            assert_never(ending)


def next_generation(generation: int, now: datetime) -> int:
    """The generation after this one: milliseconds of the database's clock, so that a restored one repeats none."""
    return max(generation + 1, int(now.timestamp() * 1000))


def _current(lane: Columns, finished: Finished) -> bool:
    return lane.desired_generation == finished.generation


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=min(seconds, RETRY_AFTER_MAX_S))


def _bound(lane: Columns, now: datetime, seconds: float) -> Columns:
    """The lane may not go out earlier, not even as a probe or when the provider comes back."""
    until = _after(now, seconds)
    return replace(lane, due_at=until, not_before=until if seconds > 0 else None)


def _undone(lane: Columns) -> Columns:
    """Nothing was done at the provider: the doubt is as the claim found it, and what was kept for none is dropped."""
    return replace(lane, in_doubt=lane.lease_doubt, kept=lane.kept and lane.lease_doubt)


def _learn(lane: Columns, *, present: bool, remote: str | None) -> Columns:
    return replace(
        lane,
        applied_present=present,
        remote=remote if present else None,
        digest=None,
        in_doubt=lane.overtaken,
        lease_doubt=lane.overtaken,
        kept=False,
    )


def _clear_kept(lane: Columns, finished: Finished) -> Columns:
    """A repeated create was refused: neither it nor the first one made anything."""
    return replace(lane, kept=False, lease_doubt=lane.overtaken) if finished.kept_was_sent else lane


def _success(lane: Columns) -> Columns:
    return replace(
        lane,
        in_doubt=lane.overtaken,
        kept=False,
        not_before=None,
        attempts=0,
        failing_since=None,
        failing_stopped_s=None,
        hanging=False,
        resting=None,
        reason=None,
        detail=None,
    )


def _converged_or_due(lane: Columns, policy: Policy, now: datetime) -> Columns:
    if lane.applied_generation != lane.desired_generation:
        return replace(lane, due_at=now, behind_since=lane.behind_since or now)
    return replace(lane, due_at=_confirm_at(lane, policy, now), behind_since=None)


def _confirm_at(lane: Columns, policy: Policy, now: datetime, jitter: float | None = None) -> datetime | None:
    """When an accepted state is asked back, later after each time that it was not there; None if it cannot be."""
    if not (lane.unconfirmed and policy.capabilities.has_fetch and lane.remote):
        return None
    wait_s = max(policy.confirm_after_s, policy.capabilities.lookup_lag_s)
    return _after(now, max(wait_s, policy.backoff.wait_s(lane.attempts, jitter)) if lane.attempts else wait_s)


def _applied(
    lane: Columns,
    finished: Finished,
    policy: Policy,
    now: datetime,
    *,
    remote: RemoteRef | None,
    unconfirmed: bool,
) -> Columns:
    held = remote.value if remote else lane.remote
    asked_back = unconfirmed and policy.capabilities.has_fetch and held is not None
    done = _success(lane)
    if asked_back:  # until it is confirmed, the failures to confirm add up
        done = replace(
            done, attempts=lane.attempts, failing_since=lane.failing_since, failing_stopped_s=lane.failing_stopped_s
        )
    if finished.operation is not Operation.DELETE:
        digest = None if lane.overtaken else finished.digest
        done = replace(done, applied_present=True, remote=held, digest=digest)
    elif asked_back:  # until it is confirmed, a deletion has not happened
        done = replace(done, applied_present=True, remote=held, digest=None)
    else:
        done = _gone(done, policy)
    done = replace(
        done, applied_generation=finished.generation, applied_version=finished.version, unconfirmed=unconfirmed
    )
    return _converged_or_due(done, policy, now)


def _gone(lane: Columns, policy: Policy) -> Columns:
    """The provider surely holds nothing; where a reference is spent with its object, the next one is numbered."""
    lane = replace(lane, applied_present=False, remote=None, digest=None)
    if policy.capabilities.reference_reusable:
        return lane
    base = lane.reference.removesuffix(f"-{lane.incarnation}") if lane.incarnation > 1 else lane.reference
    return replace(lane, incarnation=lane.incarnation + 1, reference=f"{base}-{lane.incarnation + 1}")


def _absent(lane: Columns, finished: Finished, policy: Policy, now: datetime, *, jitter: float | None) -> Columns:
    """There was nothing to delete; or what should be updated is gone, and is made again under a new generation."""
    match finished.operation:
        case Operation.DELETE:
            return _applied(lane, finished, policy, now, remote=None, unconfirmed=False)
        case Operation.UPDATE:
            lane = _renewed(replace(_gone(lane, policy), in_doubt=lane.overtaken, unconfirmed=False), finished, now)
            return replace(lane, due_at=now, reason="object_missing", detail="the provider does not hold it any more")
        case _:
            failure = Transient("object_missing", "the provider answers a create with absence", nothing_done=True)
            return _failed(lane, finished, failure, policy, now, jitter=jitter)


def _renewed(lane: Columns, finished: Finished, now: datetime) -> Columns:
    """The same state once more, under a new generation and so a new idempotency key."""
    lane = replace(lane, behind_since=lane.behind_since or now)
    if not _current(lane, finished):
        return lane
    return replace(lane, desired_generation=next_generation(lane.desired_generation, now))


def _unchanged(lane: Columns, finished: Finished, policy: Policy, now: datetime) -> Columns:
    lane = replace(
        _success(lane),
        in_doubt=lane.lease_doubt,
        digest=None if lane.overtaken else lane.digest,
        applied_generation=finished.generation,
        applied_version=finished.version,
    )
    return _converged_or_due(lane, policy, now)


def _confirmed(lane: Columns, finished: Finished, policy: Policy, now: datetime, *, present: bool) -> Columns:
    done = replace(_success(lane), unconfirmed=False, digest=None if lane.overtaken else finished.digest)
    return _converged_or_due(done if present else _gone(done, policy), policy, now)


def _differs(
    lane: Columns, finished: Finished, ending: Differs, policy: Policy, now: datetime, *, jitter: float | None
) -> Columns:
    """What was accepted is not there: a failed attempt, and the state is sent again."""
    if not _current(lane, finished):
        return replace(_undone(lane), digest=None, due_at=now)
    attempts = lane.attempts + 1
    lane = replace(
        _renewed(_undone(lane), finished, now),
        unconfirmed=False,
        digest=None,
        attempts=attempts,
        hanging=False,
        reason=ending.code,
        detail=ending.detail,
        due_at=_after(now, policy.backoff.wait_s(attempts, jitter)),
    )
    return _aged(lane, policy, now)


def _not_told(lane: Columns, ending: object, policy: Policy, now: datetime, *, jitter: float | None) -> Columns:
    """Asking back told nothing: the lane stays unconfirmed, and is asked back again until that is too old."""
    attempts = lane.attempts + 1
    retry_after_s = getattr(ending, "retry_after_s", None) or 0.0
    lane = replace(
        _bound(_undone(lane), now, retry_after_s),
        attempts=attempts,
        hanging=bool(getattr(ending, "timed_out", False)),
        reason=getattr(ending, "code", None) or "not_confirmed",
        detail=getattr(ending, "detail", None) or None,
    )
    lane = replace(lane, due_at=_after(now, max(policy.backoff.wait_s(attempts, jitter), retry_after_s)))
    aged = _aged(lane, policy, now)
    return aged if aged.resting is None else replace(lane, due_at=None)


def _failed(
    lane: Columns,
    finished: Finished,
    ending: Transient | Ambiguous,
    policy: Policy,
    now: datetime,
    *,
    jitter: float | None,
) -> Columns:
    bound_s = ending.retry_after_s or 0.0
    if not finished.sent or (isinstance(ending, Transient) and ending.nothing_done):
        lane = _undone(lane)
    else:
        lane = replace(lane, in_doubt=True)
        bound_s = max(bound_s, policy.capabilities.lookup_lag_s)
    attempts = lane.attempts + 1
    lane = replace(
        _bound(lane, now, bound_s),
        attempts=attempts,
        hanging=ending.timed_out,
        reason=ending.code,
        detail=ending.detail or None,
    )
    lane = replace(lane, due_at=_after(now, max(policy.backoff.wait_s(attempts, jitter), bound_s)))
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
    lane = replace(_undone(lane), hanging=False, not_before=None)
    if not _current(lane, finished) and rest.resting is not Resting.UNKNOWN:
        return replace(lane, due_at=now)
    return replace(lane, due_at=None, resting=rest.resting, reason=rest.reason, detail=rest.detail or None)
