import json
from itertools import islice

import pytest

from sendto.events.phones import e164
from sendto_api.orders.schemas import OrderBody
from sendto_cli.seed.compare import differences, expected
from sendto_cli.seed.orders import OPTIONAL, SeedOrder, seed_orders
from sendto_cli.seed.people import COUNTRIES, Country

ALL = list(seed_orders(2 ** len(OPTIONAL), seed=1))


def _held(order: SeedOrder) -> dict[str, object]:
    """What a provider holds that got everything right."""
    body, customer = order.body, order.body["customer"]
    lines = ("address_1", "address_2", "city", "state", "postcode", "country")
    snapshot = {
        "order_type": "delivery",
        "location_id": body.get("location_id"),
        "status_id": body.get("status_id"),
        "order_date_time": "2026-01-01T00:00:00Z",
        "comment": body.get("comment", ""),
        "payment": body.get("payment"),
        "total_items": body.get("total_items", 0),
        "order_total": body.get("order_total", 0.0),
        "currency": body["currency"],
        "address": {line: body["address"].get(line) for line in lines} if "address" in body else None,
        "shipment_provider": None,
    }
    names = {name: customer[name] for name in ("first_name", "last_name", "email")}
    return {"reference": "1", **names, "phone": order.phone_e164, "order": snapshot}


def test_the_api_takes_every_body() -> None:
    for order in ALL:
        OrderBody.model_validate_json(json.dumps(order.body))


def test_the_same_seed_makes_the_same_orders_and_another_makes_others() -> None:
    assert list(islice(seed_orders(100, 1), 100)) == ALL[:100]
    assert list(seed_orders(100, 2)) != ALL[:100]


def test_every_combination_of_optional_members_comes() -> None:
    present = {
        frozenset(name for name in OPTIONAL if name in order.body or name in order.body["customer"]) for order in ALL
    }

    assert len(present) == 2 ** len(OPTIONAL)


def test_every_country_comes_and_its_own_script_with_it() -> None:
    assert {order.body["currency"] for order in ALL} == {country.currency for country in COUNTRIES}
    names = "".join(order.body["customer"]["first_name"] for order in ALL)
    assert all(letter in names for letter in ("花", "Ł", "λ", "م", "ã"))


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
def test_written_numbers_and_their_e164_forms_are_the_same(country: Country) -> None:
    for phone in (*country.phones, *country.mobiles):
        assert e164(phone.written, "GB") == phone.e164


def test_what_is_held_as_it_should_be_has_no_differences() -> None:
    assert [differences(order, _held(order)) for order in ALL] == [[] for _ in ALL]


@pytest.mark.parametrize("path", sorted(expected(next(order for order in ALL if "address" in order.body))))
def test_every_field_that_differs_is_named(path: str) -> None:
    order = next(order for order in ALL if "address" in order.body)
    held = json.loads(json.dumps(_held(order)))
    place = held
    for name in path.split(".")[:-1]:
        place = place[name]
    place[path.rsplit(".", maxsplit=1)[-1]] = "something else"

    assert differences(order, held) == [path]


def test_an_address_that_should_not_be_there_is_named() -> None:
    order = next(order for order in ALL if "address" not in order.body)
    held = json.loads(json.dumps(_held(order)))
    held["order"]["address"] = {"city": "Nowhere"}

    assert differences(order, held) == ["order.address"]
