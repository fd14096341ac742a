"""The story of an order, as the ops API tells it: no personal data."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sendto_dispatcher.domain.verdict import LaneView, lane_word, verdict
from sendto_dispatcher.store.story import OrderRows, Row


class EventStory(BaseModel):
    """An event that was taken."""

    source: str
    event_id: str
    type: str
    version: int | None
    topic: str
    partition: int
    offset: int
    verdict: str
    """counted, folded (newer state came in the same batch), stale, repeated"""
    route: str | None
    taken_at: datetime


class RejectedStory(BaseModel):
    """A record with this order's key that was rejected."""

    source: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    rejected_at: datetime


class AttemptStory(BaseModel):
    """One call of a provider, and what it came to."""

    provider: str
    source: str
    operation: str
    version: int | None
    generation: int
    number: int
    outcome: str
    reason: str | None
    detail: str | None
    started_at: datetime
    duration_ms: float
    replica: str
    settled: bool


class LaneStory(BaseModel):
    """What a provider should hold of the order, what it is known to hold, and what happens next."""

    lane: int
    provider: str
    source: str
    order_id: int
    reference: str
    state: str
    verdict: str
    desired_version: int | None
    desired_present: bool
    applied_version: int | None
    applied_present: bool
    in_doubt: bool
    remote: str | None
    attempts: int
    reason: str | None
    detail: str | None
    next_at: datetime | None
    behind_since: datetime | None


class SourceStory(BaseModel):
    """The newest known state of the order from one source."""

    source: str
    version: int | None
    present: bool
    route: str
    providers: list[str]
    changed_at: datetime


class OrderStory(BaseModel):
    """Everything that is known of an order: first of all a verdict in plain words."""

    order_id: int
    verdict: list[str]
    sources: list[SourceStory]
    lanes: list[LaneStory]
    events: list[EventStory]
    rejected: list[RejectedStory]
    attempts: list[AttemptStory]


def order_story(order_id: int, rows: OrderRows, configured: frozenset[str]) -> OrderStory:
    """Tell the story from what is kept; `configured` are the providers that this process serves."""
    lanes = [lane_story(row, configured) for row in rows.lanes]
    sources = [_source(row) for row in rows.states]
    return OrderStory(
        order_id=order_id,
        verdict=_verdict(sources, lanes),
        sources=sources,
        lanes=lanes,
        events=[_event(row) for row in rows.events],
        rejected=[RejectedStory(**_renamed(row)) for row in rows.rejected],
        attempts=[AttemptStory(**_shown(row)) for row in rows.attempts],
    )


def _verdict(sources: list[SourceStory], lanes: list[LaneStory]) -> list[str]:
    if not sources:
        return ["No event of this order was taken."]
    told = [lane.verdict for lane in lanes]
    for source in sources:
        if source.present and not any(lane.source == source.source for lane in lanes):
            told.append(f"Unrouted: no rule matches the order of {source.source}, and there is no default.")
        if not source.present and not any(lane.source == source.source for lane in lanes):
            told.append(f"The customer was deleted by {source.source} before anything was sent.")
    return told


def _version(row: Row, prefix: str = "") -> int | None:
    return row[f"{prefix}version"] if row[f"{prefix}carried"] else None


def _shown(row: Row) -> dict[str, Any]:
    return row | {"version": _version(row)}


def _renamed(row: Row) -> dict[str, Any]:
    return row | {"offset": row["record_offset"]}


def _event(row: Row) -> EventStory:
    return EventStory(**_renamed(_shown(row)))


def _source(row: Row) -> SourceStory:
    return SourceStory(**_shown(row))


def lane_story(row: Row, configured: frozenset[str]) -> LaneStory:
    """One lane of the story."""
    view = LaneView(
        provider=row["provider"],
        configured=row["provider"] in configured,
        desired_version=_version(row, "desired_"),
        desired_present=row["desired_present"],
        converged=row["applied_generation"] == row["desired_generation"],
        **{name: row[name] for name in _SAME},
    )
    return LaneStory(
        lane=row["id"],
        provider=row["provider"],
        source=row["source"],
        order_id=row["order_id"],
        reference=row["reference"],
        state=lane_word(view),
        verdict=verdict(view),
        desired_version=view.desired_version,
        desired_present=view.desired_present,
        applied_version=_version(row, "applied_"),
        applied_present=row["applied_present"],
        in_doubt=row["in_doubt"],
        remote=row["remote"],
        attempts=row["attempts"],
        reason=row["reason"],
        detail=row["detail"],
        next_at=row["due_at"],
        behind_since=row["behind_since"],
    )


_SAME = (
    "unconfirmed",
    "leased",
    "resting",
    "due_at",
    "now",
    "attempts",
    "reason",
    "detail",
    "changed_at",
    "paused_at",
    "paused_by",
    "held_at",
    "hold_reason",
    "opened_at",
    "blocked_until",
)
