"""An attempt for the history, and its one wide log line; neither holds personal data."""

from typing import assert_never

from sendto.runtime.logs import Wide
from sendto.runtime.tracing import trace_id
from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    RateLimited,
    Rejected,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.endings import (
    Confirmed,
    Differs,
    Ending,
    Finished,
    Held,
    Interrupted,
    Released,
    Shadowed,
    Unchanged,
)
from sendto_dispatcher.domain.lane import Lane, State
from sendto_dispatcher.domain.plan import Rest
from sendto_dispatcher.store.settles import AttemptRecord

_log = Wide("sendto_dispatcher.attempts", "attempt")


def attempt_record(lane: Lane, finished: Finished, duration_ms: float) -> AttemptRecord:
    """The attempt as the history keeps it."""
    outcome, reason, detail = describe(finished.ending)
    return AttemptRecord(
        provider=lane.provider,
        source=lane.source,
        order_id=lane.order_id,
        finished=finished,
        outcome=outcome,
        reason=reason,
        detail=detail,
        duration_ms=duration_ms,
        lane=lane,
    )


def log_attempt(record: AttemptRecord, state: State | None) -> None:
    """One wide line; `state` is what was to be sent."""
    finished = record.finished
    _log(
        provider=record.provider,
        source=record.source,
        order_id=record.order_id,
        lane=finished.lane_id,
        operation=str(finished.operation),
        version=finished.version.shown,
        generation=finished.generation,
        number=finished.number,
        outcome=record.outcome,
        reason=record.reason,
        duration_ms=round(record.duration_ms, 1),
        requests=finished.requests,
        trace_id=trace_id(state.traceparent if state else None),
    )


def describe(ending: Ending) -> tuple[str, str | None, str | None]:  # noqa: C901, PLR0912 - one exhaustive match
    """The ending as the words of the history: outcome, reason, detail."""
    match ending:
        case Applied():
            return "applied", None, None
        case Accepted():
            return "accepted", None, None
        case AlreadyAbsent():
            return "already_absent", None, None
        case Unsupported(code, detail):
            return "unsupported", code, detail or None
        case Transient(code, detail):
            return "transient", code, detail or None
        case RateLimited(_, code):
            return "rate_limited", code, None
        case Ambiguous(code, detail):
            return "ambiguous", code, detail or None
        case Rejected(code, detail):
            return "rejected", code, detail or None
        case Unauthorized(code, detail) | Held(code, detail):
            return "unauthorized", code, detail or None
        case Gone(code, detail):
            return "gone", code, detail or None
        case Released(reason):
            return "released", reason, None
        case Interrupted():
            return "ambiguous", "stopping", None
        case Unchanged():
            return "unchanged", None, None
        case Confirmed():
            return "confirmed", None, None
        case Differs(code, detail):
            return "differs", code, detail
        case Shadowed(code, detail):
            return "shadowed", code, detail or None
        case Rest(resting, reason, detail):
            return str(resting), reason, detail or None
        case _:
            assert_never(ending)
