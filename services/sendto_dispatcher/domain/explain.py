"""Why an order goes where it goes: which rule matches, and which conditions of the others do not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from sendto.events.customer import OrderSnapshot
from sendto_dispatcher.domain.routing import BY_DEFAULT, BY_EVENT, Routing, Rule


@dataclass(frozen=True, slots=True)
class Missed:
    """A condition that does not hold: what the rule wants, and what the order has."""

    condition: str
    wanted: tuple[str, ...]
    has: str | None


@dataclass(frozen=True, slots=True)
class RuleTold:
    """A rule, in the order of the configuration: it matches where nothing is missed."""

    number: int
    to: tuple[str, ...]
    missed: tuple[Missed, ...]


@dataclass(frozen=True, slots=True)
class RouteTold:
    """What the routes in force make of an order."""

    route: str
    providers: tuple[str, ...]
    rules: tuple[RuleTold, ...]


def explain(routing: Routing, order: OrderSnapshot | None, source: str) -> RouteTold:
    """Tell it; without a snapshot no rule is looked at."""
    route, providers = routing.route(order, source)
    if order is None:
        return RouteTold(route, providers, ())
    rules = tuple(
        RuleTold(number, rule.to, tuple(_missed(rule, order, source)))
        for number, rule in enumerate(routing.rules, start=1)
    )
    return RouteTold(route, providers, rules)


def unrouted_words(told: RouteTold) -> str:
    """Why nothing matches, in one sentence."""
    if not told.rules:
        return "Unrouted: there is no rule and no default."
    has = dict.fromkeys(f"{_WORDS[one.condition]} {one.has or 'unknown'}" for rule in told.rules for one in rule.missed)
    return f"Unrouted: no rule matches {', '.join(has)}."


def route_words(told: RouteTold) -> str:
    """Why it goes there, in a few words."""
    if told.route == BY_EVENT:
        return "the order names it"
    if told.route == BY_DEFAULT:
        return "no rule matches, so the default"
    return told.route


_WORDS = {
    "order_type": "order type",
    "country": "country",
    "location_id": "location",
    "source": "source",
    "payment": "payment",
}


def _missed(rule: Rule, order: OrderSnapshot, source: str) -> Iterator[Missed]:
    has = {
        "order_type": order.order_type,
        "country": order.address.country if order.address else None,
        "location_id": order.location_id,
        "source": source,
        "payment": order.payment,
    }
    if order.order_type == "collection" and rule.order_type is None:
        yield Missed("order_type", ("collection, named by the rule",), "collection")
    for condition, value in has.items():
        wanted = getattr(rule, condition)
        if wanted is not None and value not in wanted:
            yield Missed(condition, tuple(sorted(map(str, wanted))), None if value is None else str(value))
