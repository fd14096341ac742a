"""The span of a call, in the trace of the change that it sends.

A call for several lanes is in the trace of each: one span a lane, linked to the first of them. Earlier changes that the
call stands for as well, because newer state overtook them, are linked.
"""

from collections.abc import Sequence

from sendto.runtime.tracing import Kind, Span, Tracer
from sendto_dispatcher.engine.attempt import Attempt
from sendto_dispatcher.store.settles import AttemptRecord

_WELL = frozenset({"applied", "accepted", "already_absent", "confirmed", "unchanged"})


def begin_spans(tracer: Tracer, provider: str, batch: Sequence[Attempt]) -> list[Span]:
    """A span for each attempt of one call."""
    spans: list[Span] = []
    for attempt in batch:
        claim = attempt.claim
        first = [spans[0].traceparent] if spans else []
        parent = claim.state.traceparent if claim.state else None
        spans.append(tracer.begin(f"call {provider}", Kind.CLIENT, parent=parent, links=[*claim.merged, *first]))
    return spans


def end_span(span: Span, record: AttemptRecord) -> None:
    """The attempt has ended like this."""
    finished = record.finished
    span.tell(
        {
            "sendto.provider": record.provider,
            "sendto.source": record.source,
            "sendto.order_id": record.order_id,
            "sendto.lane": finished.lane_id,
            "sendto.operation": str(finished.operation) if finished.operation else None,
            "sendto.version": finished.version.shown,
            "sendto.generation": finished.generation,
            "sendto.attempt": finished.number,
            "sendto.requests": finished.requests,
            "sendto.outcome": record.outcome,
            "sendto.reason": record.reason,
        }
    )
    span.end(failed=None if record.outcome in _WELL else record.reason or record.outcome)
