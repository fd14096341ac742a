"""Where an order goes: the provider that it names, else the first rule that matches, else the default, else nowhere."""

from itertools import product
from typing import Any

import pytest

from sendto.events.customer import OrderSnapshot
from sendto_dispatcher.domain.routing import Routing, Rule

SOURCE = "/shop"
ORDER: dict[str, Any] = {
    "order_type": "delivery",
    "location_id": 1,
    "payment": "card",
    "address": {"country": "GB"},
}
CONDITIONS: dict[str, tuple[frozenset[Any], frozenset[Any]]] = {
    "order_type": (frozenset({"delivery", "collection"}), frozenset({"collection"})),
    "country": (frozenset({"GB", "IE"}), frozenset({"FR"})),
    "location_id": (frozenset({1}), frozenset({2})),
    "source": (frozenset({SOURCE}), frozenset({"/other"})),
    "payment": (frozenset({"card"}), frozenset({"cod"})),
}


def order(**changes: Any) -> OrderSnapshot:
    return OrderSnapshot.model_validate(ORDER | changes)


@pytest.mark.parametrize("chosen", list(product([None, True, False], repeat=len(CONDITIONS))))
def test_a_rule_matches_when_every_condition_that_is_given_holds(chosen: tuple[bool | None, ...]) -> None:
    given = {
        name: values[0] if holds else values[1]
        for (name, values), holds in zip(CONDITIONS.items(), chosen, strict=True)
        if holds is not None
    }
    assert Rule(to=("acme",), **given).matches(order(), SOURCE) == (False not in chosen)


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({"address": None}, {"country": frozenset({"GB"})}),
        ({"location_id": None}, {"location_id": frozenset({1})}),
        ({"payment": None}, {"payment": frozenset({"card"})}),
        ({"order_type": None}, {"order_type": frozenset({"delivery"})}),
    ],
)
def test_what_the_order_lacks_meets_no_condition(changes: dict[str, Any], condition: dict[str, Any]) -> None:
    assert not Rule(to=("acme",), **condition).matches(order(**changes), SOURCE)


def test_the_first_rule_that_matches_decides_and_each_provider_is_named_once() -> None:
    rules = (
        Rule(to=("french",), country=frozenset({"FR"})),
        Rule(to=("british", "acme", "british"), country=frozenset({"GB"})),
        Rule(to=("later",)),
    )
    assert Routing(rules, ("standard",)).route(order(), SOURCE) == ("rule 2", ("british", "acme"))
    assert Routing(rules[:1], ("standard", "standard")).route(order(), SOURCE) == ("default", ("standard",))
    assert Routing(rules[:1], ()).route(order(), SOURCE) == ("unrouted", ())


def test_the_providers_that_an_event_names_go_before_every_rule() -> None:
    routing = Routing((Rule(to=("acme",)),), ("standard",))
    assert routing.route(order(shipment_provider="named"), SOURCE) == ("event", ("named",))
    assert routing.route(order(shipment_provider=["b", "a", "b"]), SOURCE) == ("event", ("b", "a"))
    assert routing.route(order(shipment_provider=[]), SOURCE) == ("rule 1", ("acme",))


def test_a_collection_order_goes_only_where_it_is_meant() -> None:
    anywhere, meant = Rule(to=("anywhere",)), Rule(to=("meant",), order_type=frozenset({"collection"}))
    collection = order(order_type="collection")
    assert Routing((anywhere,), ("standard",)).route(collection, SOURCE) == ("unrouted", ())
    assert Routing((anywhere, meant), ("standard",)).route(collection, SOURCE) == ("rule 2", ("meant",))
    named = order(order_type="collection", shipment_provider="named")
    assert Routing((anywhere,), ("standard",)).route(named, SOURCE) == ("event", ("named",))


def test_an_unknown_order_takes_the_default() -> None:
    assert Routing((Rule(to=("acme",)),), ("standard",)).route(None, SOURCE) == ("default", ("standard",))
    assert Routing((Rule(to=("acme",)),), ()).route(None, SOURCE) == ("unrouted", ())
