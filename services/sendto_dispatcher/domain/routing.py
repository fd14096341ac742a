"""Which providers an order goes to, and why. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from sendto.events.customer import OrderSnapshot

BY_EVENT = "event"
BY_DEFAULT = "default"
UNROUTED = "unrouted"
_COLLECTION = "collection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A route: all conditions that are given must hold; each holds if the order has one of its values."""

    to: tuple[str, ...]
    order_type: frozenset[str] | None = None
    country: frozenset[str] | None = None
    location_id: frozenset[int] | None = None
    source: frozenset[str] | None = None
    payment: frozenset[str] | None = None

    def matches(self, order: OrderSnapshot, source: str) -> bool:
        """Whether the order goes this way. A collection order needs a rule that names `collection`."""
        if order.order_type == _COLLECTION and not (self.order_type and _COLLECTION in self.order_type):
            return False
        country = order.address.country if order.address else None
        return (
            (self.order_type is None or order.order_type in self.order_type)
            and (self.country is None or country in self.country)
            and (self.location_id is None or order.location_id in self.location_id)
            and (self.source is None or source in self.source)
            and (self.payment is None or order.payment in self.payment)
        )


@dataclass(frozen=True, slots=True)
class Routing:
    """All rules, in order, and the default."""

    rules: Sequence[Rule]
    default: tuple[str, ...]

    def route(self, order: OrderSnapshot | None, source: str) -> tuple[str, tuple[str, ...]]:
        """The reason in a word (`event`, `rule 2`, `default`, `unrouted`) and the providers."""
        if order is None:
            return self._by_default()
        if order.named_providers:
            return BY_EVENT, order.named_providers
        for number, rule in enumerate(self.rules, start=1):
            if rule.matches(order, source):
                return f"rule {number}", tuple(dict.fromkeys(rule.to))
        if order.order_type == _COLLECTION:
            return UNROUTED, ()
        return self._by_default()

    def _by_default(self) -> tuple[str, tuple[str, ...]]:
        return (BY_DEFAULT, tuple(dict.fromkeys(self.default))) if self.default else (UNROUTED, ())
