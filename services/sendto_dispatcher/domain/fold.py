"""What a batch's events make of one order's state. Rules 3, 8 and 11 of the dispatcher's rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from sendto.events.customer import Customer, OrderSnapshot
from sendto.events.envelope import CustomerEvent
from sendto_dispatcher.domain.routing import Routing


class TakeVerdict(StrEnum):
    """What became of an event."""

    COUNTED = "counted"
    FOLDED = "folded"
    """it counted, and newer state came in the same batch"""
    STALE = "stale"
    REPEATED = "repeated"
    UNVERSIONED = "unversioned"
    """rejected: it carries no version, and a carried one is known"""


class OrderKnown(Struct, frozen=True, kw_only=True):
    """An order's state as it is known. `snapshot` is None where none is known or none is needed."""

    carried: bool
    version: int
    present: bool
    route: str
    providers: tuple[str, ...]
    customer: Customer | None = None
    snapshot: OrderSnapshot | None = None
    event_id: str = ""
    occurred_at: datetime | None = None
    traceparent: str | None = None


class Arrived(Struct, frozen=True, kw_only=True):
    """An event with its record's time, which stands in where the event has none."""

    event: CustomerEvent
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Folded:
    """The order's state after the batch, None if nothing counted, and each event's verdict, version and route."""

    state: OrderKnown | None
    verdicts: tuple[tuple[TakeVerdict, bool, int, str | None], ...]
    visited: frozenset[str] = frozenset()
    """the providers that some state of the batch went to, also those that the last one does not go to"""


def fold(known: OrderKnown | None, arrived: Sequence[Arrived], routing: Routing) -> Folded:
    """Take events of one order in their order; the last one that counts is its new state."""
    state, last_counted = known, -1
    visited: set[str] = set()
    verdicts: list[tuple[TakeVerdict, bool, int, str | None]] = []
    for number, one in enumerate(arrived):
        verdict, carried, version = _compare(state, one.event)
        if verdict is TakeVerdict.COUNTED:
            state, last_counted = _newer(state, one, carried, version, routing), number
            visited |= set(state.providers) if state.present else set()
        verdicts.append((verdict, carried, version, state.route if state and verdict is TakeVerdict.COUNTED else None))
    for number in range(last_counted):
        if verdicts[number][0] is TakeVerdict.COUNTED:
            verdicts[number] = (TakeVerdict.FOLDED, *verdicts[number][1:])
    return Folded(state if last_counted >= 0 else None, tuple(verdicts), frozenset(visited))


def _compare(state: OrderKnown | None, event: CustomerEvent) -> tuple[TakeVerdict, bool, int]:
    """A carried version is newer than any uncarried one; of equal ones the first counts."""
    if event.orderversion is None:
        if state is not None and state.carried:
            return TakeVerdict.UNVERSIONED, False, 0
        return TakeVerdict.COUNTED, False, (state.version if state else 0) + 1
    if state is None or not state.carried or event.orderversion > state.version:
        return TakeVerdict.COUNTED, True, event.orderversion
    verdict = TakeVerdict.REPEATED if event.orderversion == state.version else TakeVerdict.STALE
    return verdict, True, event.orderversion


def _newer(state: OrderKnown | None, one: Arrived, carried: bool, version: int, routing: Routing) -> OrderKnown:  # noqa: FBT001 - a version's part
    event = one.event
    if event.order is None and state is not None:
        route, providers = state.route, state.providers
    else:
        route, providers = routing.route(event.order, event.source)
    newer = OrderKnown(
        carried=carried,
        version=version,
        present=event.present,
        route=route,
        providers=providers,
        customer=event.customer,
        snapshot=event.order if event.order is not None else state.snapshot if state else None,
        event_id=event.id,
        occurred_at=event.time or one.recorded_at,
        traceparent=event.traceparent,
    )
    if event.present:
        return newer
    if state is not None:
        newer = replace(newer, route=state.route, providers=state.providers)
    return replace(newer, customer=None, snapshot=None)
