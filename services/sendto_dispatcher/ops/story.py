"""The story of an order, as the ops API tells it: no personal data."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sendto.events.customer import OrderSnapshot
from sendto_dispatcher.domain.explain import RouteTold, explain, route_words, unrouted_words
from sendto_dispatcher.domain.verdict import LaneView, lane_word, verdict
from sendto_dispatcher.ops.configured import Configured
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

    id: int
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


class MissedStory(BaseModel):
    """A condition of a rule that the order does not meet."""

    condition: str
    wanted: list[str]
    has: str | None


class RuleStory(BaseModel):
    """A rule of the routes in force: it matches the order where nothing is missed."""

    number: int
    to: list[str]
    missed: list[MissedStory]


class SourceStory(BaseModel):
    """The newest known state of the order from one source."""

    source: str
    version: int | None
    present: bool
    route: str
    """why it goes where it goes: `event`, `rule 1` …, `default`, `unrouted`; as of its last event"""
    providers: list[str]
    changed_at: datetime
    route_now: str | None
    """what the routes in force make of it; null where no snapshot of the order is known"""
    providers_now: list[str] | None
    rules: list[RuleStory]


class OrderStory(BaseModel):
    """Everything that is known of an order: first of all a verdict in plain words."""

    order_id: int
    verdict: list[str]
    sources: list[SourceStory]
    lanes: list[LaneStory]
    events: list[EventStory]
    rejected: list[RejectedStory]
    attempts: list[AttemptStory]


def order_story(order_id: int, rows: OrderRows, configured: Configured) -> OrderStory:
    """Tell the story from what is kept, by the configuration of this process."""
    lanes = [lane_story(row, configured) for row in rows.lanes]
    told = {row["source"]: _route_told(row, configured) for row in rows.states}
    sources = [_source(row, told[row["source"]]) for row in rows.states]
    events = [_event(row) for row in rows.events]
    rejected = [RejectedStory(**_renamed(row)) for row in rows.rejected]
    return OrderStory(
        order_id=order_id,
        verdict=list(_verdict(sources, told, lanes, events, rejected)),
        sources=sources,
        lanes=lanes,
        events=events,
        rejected=rejected,
        attempts=[AttemptStory(**_shown(row)) for row in rows.attempts],
    )


def _route_told(row: Row, configured: Configured) -> RouteTold | None:
    """What the routes in force make of an order whose snapshot is known."""
    if row["routed_by"] is None:
        return None
    return explain(configured.routing, OrderSnapshot.model_validate_json(row["routed_by"]), row["source"])


def _verdict(
    sources: list[SourceStory],
    told: Mapping[str, RouteTold | None],
    lanes: list[LaneStory],
    events: list[EventStory],
    rejected: list[RejectedStory],
) -> Iterator[str]:
    if not sources and not rejected:
        yield "No event of this order was taken."
    yield from (unrouted for source in sources if (unrouted := _unrouted(source, told[source.source])))
    yield from (lane.verdict for lane in sorted(lanes, key=lambda lane: not lane.desired_present))
    for source in sources:
        yield from _of_source(source, told[source.source], [lane for lane in lanes if lane.source == source.source])
        yield from _last_dropped(source, [event for event in events if event.source == source.source])
    yield from _last_rejected(events, rejected)


def _unrouted(source: SourceStory, told: RouteTold | None) -> str | None:
    if not source.present or source.providers:
        return None
    return unrouted_words(told) if told else f"Unrouted: no rule matches the order of {source.source}."


def _of_source(source: SourceStory, told: RouteTold | None, lanes: list[LaneStory]) -> Iterator[str]:
    if not source.present and not lanes:
        yield f"The customer was deleted by {source.source} before anything was sent."
    if source.present and told and set(told.providers) != set(source.providers):
        to = ", ".join(told.providers) or "nowhere"
        yield f"By the routes in force it would go to {to} ({route_words(told)}), once its next event comes."


def _last_dropped(source: SourceStory, events: list[EventStory]) -> Iterator[str]:
    """The newest event did not count: someone may be waiting for what it says."""
    if events and events[0].verdict == "stale":
        yield (
            f"The last event of {source.source}, version {events[0].version}, was dropped as stale: "
            f"version {source.version} is known."
        )


def _last_rejected(events: list[EventStory], rejected: list[RejectedStory]) -> Iterator[str]:
    """The newest record was rejected: the order may stand still until its producer mends it."""
    last = max(rejected, key=lambda one: (one.rejected_at, one.offset), default=None)
    if last and not any(_later(event, last) for event in events):
        yield f"Its last event was rejected ({last.reason}: {last.detail}); its producer has to mend and send it again."


def _later(event: EventStory, rejected: RejectedStory) -> bool:
    """Whether an event was taken after one was rejected. All of one batch have the same time: there the place tells."""
    if event.taken_at != rejected.rejected_at:
        return event.taken_at > rejected.rejected_at
    return (event.topic, event.partition) == (rejected.topic, rejected.partition) and event.offset > rejected.offset


def _version(row: Row, prefix: str = "") -> int | None:
    return row[f"{prefix}version"] if row[f"{prefix}carried"] else None


def _shown(row: Row) -> dict[str, Any]:
    return row | {"version": _version(row)}


def _renamed(row: Row) -> dict[str, Any]:
    return row | {"offset": row["record_offset"]}


def _event(row: Row) -> EventStory:
    return EventStory(**_renamed(_shown(row)))


def _source(row: Row, told: RouteTold | None) -> SourceStory:
    rules = [RuleStory.model_validate(rule, from_attributes=True) for rule in told.rules] if told else []
    return SourceStory(
        **_shown(row),
        route_now=told.route if told else None,
        providers_now=list(told.providers) if told else None,
        rules=rules,
    )


def lane_story(row: Row, configured: Configured) -> LaneStory:
    """One lane of the story."""
    provider = row["provider"]
    rate_per_s = configured.rates.get(provider)
    view = LaneView(
        lane_id=row["id"],
        provider=provider,
        limit=configured.limits.get(provider),
        tokens=_tokens(row, rate_per_s or 0.0),
        configured=provider in configured.providers,
        problem=configured.broken.get(provider),
        disabled=provider in configured.disabled,
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


def _tokens(row: Row, rate_per_s: float) -> float:
    """Requests that may go out by now: those that were left, and what has flowed in since."""
    if row["tokens_at"] is None:
        return 1.0
    flowed: float = rate_per_s * (row["now"] - row["tokens_at"]).total_seconds()
    return float(row["tokens"]) + flowed


_SAME = (
    "reference",
    "unconfirmed",
    "in_doubt",
    "leased",
    "lease_expired",
    "holder_heard_at",
    "failing_since",
    "pause_reason",
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
