"""Which rule matches, and which conditions of the others do not."""

import pytest

from sendto.events.customer import Address, OrderSnapshot
from sendto_dispatcher.domain.explain import Missed, explain, route_words, unrouted_words
from sendto_dispatcher.domain.routing import Routing, Rule

ORDER = OrderSnapshot(order_type="delivery", location_id=9, address=Address(country="FR"), payment="cod")
RULES = [
    Rule(to=("acme",), country=frozenset({"GB", "IE"}), location_id=frozenset({9})),
    Rule(to=("spoke", "acme"), location_id=frozenset({8, 9}), order_type=frozenset({"delivery"})),
    Rule(to=("late",), payment=frozenset({"card"})),
]


def test_the_rule_that_matches_misses_nothing_and_the_others_say_what() -> None:
    told = explain(Routing(RULES, ()), ORDER, "/shop")

    assert (told.route, told.providers) == ("rule 2", ("spoke", "acme"))
    assert [rule.number for rule in told.rules] == [1, 2, 3]
    assert told.rules[0].missed == (Missed("country", ("GB", "IE"), "FR"),)
    assert told.rules[1].missed == ()
    assert told.rules[2].missed == (Missed("payment", ("card",), "cod"),)
    assert route_words(told) == "rule 2"


@pytest.mark.parametrize("order_type", ["delivery", "collection", None])
@pytest.mark.parametrize("location_id", [8, 9, None])
@pytest.mark.parametrize("country", ["GB", None])
@pytest.mark.parametrize("source", ["/shop", "/other"])
def test_it_agrees_with_the_routing(
    order_type: str | None, location_id: int | None, country: str | None, source: str
) -> None:
    rules = [
        *RULES,
        Rule(to=("own",), source=frozenset({"/other"})),
        Rule(to=("x",), order_type=frozenset({"collection"})),
    ]
    address = Address(country=country) if country else None
    order = OrderSnapshot.model_validate({"order_type": order_type, "location_id": location_id, "address": address})

    told = explain(Routing(rules, ()), order, source)

    matching = [f"rule {rule.number}" for rule in told.rules if not rule.missed]
    assert told.route == (matching[0] if matching else "unrouted")
    assert [rule.missed == () for rule in told.rules] == [rule.matches(order, source) for rule in rules]


def test_an_unrouted_order_is_told_what_nothing_matches() -> None:
    order = OrderSnapshot(order_type="delivery", location_id=7, payment="cod")
    assert unrouted_words(explain(Routing(RULES, ()), order, "/shop")) == (
        "Unrouted: no rule matches country unknown, location 7, payment cod."
    )
    only_location = Routing([Rule(to=("acme",), location_id=frozenset({1}))], ())
    assert unrouted_words(explain(only_location, ORDER, "/shop")) == "Unrouted: no rule matches location 9."
    assert unrouted_words(explain(Routing([], ()), ORDER, "/shop")) == "Unrouted: there is no rule and no default."


def test_the_order_itself_and_the_default_decide_too() -> None:
    named = OrderSnapshot(shipment_provider=["acme"])
    assert route_words(explain(Routing(RULES, ()), named, "/shop")) == "the order names it"
    assert route_words(explain(Routing([], ("acme",)), ORDER, "/shop")) == "no rule matches, so the default"
    assert explain(Routing(RULES, ("acme",)), None, "/shop").rules == ()
