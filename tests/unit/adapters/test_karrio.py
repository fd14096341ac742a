"""What Karrio has taught: no id of ours, a search that old servers do not know, addresses that are in use."""

import asyncio
import json
from typing import Any

import pytest
from infra.adapters import ADDRESS, CASES, ORDER, command
from infra.providers.karrio import Karrio
from infra.providers.scripted import Answer, Direct

from sendto.events.customer import Address
from sendto.sdk import (
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Command,
    LookupFailed,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
)

CASE = CASES["karrio"]


def _apply(provider: Karrio, *commands: Command, **config: Any) -> list[Outcome]:
    adapter = CASE.adapter(**config)
    return [asyncio.run(adapter.apply(one, Direct(provider))) for one in commands]


def _sent(one: Command) -> Any:
    return json.loads(CASE.adapter().translate(one).body)


def _at(address: Address) -> Command:
    return command(Operation.CREATE, order=ORDER.model_copy(update={"address": address}))


def test_an_address_as_it_is_sent() -> None:
    assert _sent(command(Operation.CREATE)) == {
        "person_name": "Ada Lovelace",
        "email": "ada@shop.test",
        "phone_number": "+447700900123",
        "address_line1": "2 St Josephs Crescent",
        "address_line2": None,
        "city": "Liverpool",
        "state_code": None,
        "postal_code": "L3 3JF",
        "country_code": "GB",
        "meta": {"label": "order 51342 (sendto)"},
    }


def test_what_is_taken_away_is_taken_away_there() -> None:
    sent = _sent(command(Operation.UPDATE, remote="adr_1", email=None, mobile_e164=None))

    assert (sent["email"], sent["phone_number"]) == (None, None)


def test_a_long_street_is_broken_between_words() -> None:
    address = ADDRESS.model_copy(update={"address_1": "Long Street Name " * 4, "address_2": "Flat 7"})
    lines = _sent(_at(address))

    assert lines["address_line1"] == "Long Street Name Long Street Name Long Street Name"
    assert lines["address_line2"] == "Long Street Name, Flat 7"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address_1": "A street with many words " * 5}, "address_too_long"),
        ({"postcode": "0123456789A"}, "postcode_too_long"),
        ({"country": "QQ"}, "country_unknown"),
    ],
)
def test_an_address_is_never_made_another(changes: dict[str, str], code: str) -> None:
    provider = Karrio()

    [outcome] = _apply(provider, _at(ADDRESS.model_copy(update=changes)))

    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert provider.asked == []


def test_a_country_is_needed_or_a_default() -> None:
    nowhere = _at(ADDRESS.model_copy(update={"country": None}))

    assert [type(outcome) for outcome in _apply(Karrio(), nowhere)] == [Applied]
    assert _apply(Karrio(), nowhere, default_country=None) == [
        Rejected("needs_country", "the address names no country")
    ]


def test_an_address_in_use_is_kept_as_it_is() -> None:
    provider = Karrio()
    _apply(provider, command(Operation.CREATE))
    provider.used = set(provider.addresses)

    outcomes = _apply(provider, command(Operation.UPDATE), command(Operation.DELETE))

    assert outcomes == [Rejected("state_error", "the address is used by a shipment or an order already")] * 2


def test_a_conflict_of_another_kind_is_not_called_so() -> None:
    provider = Karrio()
    provider.next.append(Answer(409, {"errors": [{"code": ["odd"]}]}))

    assert _apply(provider, command(Operation.UPDATE, remote="adr_1")) == [Rejected("http_409")]


def test_a_lost_create_is_found_by_its_label() -> None:
    """Rule 18: orders 513 and 5134 are not taken for 51342."""
    provider = Karrio()
    _apply(provider, *(command(Operation.CREATE, reference=reference) for reference in ("513", "51342", "5134")))

    found = asyncio.run(CASE.adapter().find("51342", Direct(provider)))

    assert found == RemoteRef(list(provider.addresses)[1])


def test_of_two_the_oldest_is_kept() -> None:
    provider = Karrio()
    _apply(provider, command(Operation.CREATE), command(Operation.CREATE))

    assert asyncio.run(CASE.adapter().find("51342", Direct(provider))) == RemoteRef(next(iter(provider.addresses)))


def test_a_server_that_does_not_search_is_not_believed() -> None:
    """It would list other addresses and so seem to lack ours, and a second one would be made."""
    provider = Karrio()
    provider.searches = False
    _apply(provider, command(Operation.CREATE, reference="7"))

    with pytest.raises(LookupFailed) as failure:
        asyncio.run(CASE.adapter().find("51342", Direct(provider)))
    assert failure.value.outcome == Rejected("search_unsupported", "this Karrio server does not search by keyword")


def test_a_created_address_without_an_id_is_looked_for() -> None:
    provider = Karrio()
    provider.next.append(Answer(201, b"<html>"))

    assert _apply(provider, command(Operation.CREATE)) == [
        Ambiguous("answer_unreadable", "Karrio's answer does not name the address")
    ]


def test_without_its_id_an_address_is_looked_for_first() -> None:
    provider = Karrio()
    _apply(provider, command(Operation.CREATE))

    changed, gone, missing = _apply(
        provider,
        command(Operation.UPDATE, first_name="Augusta"),
        command(Operation.DELETE),
        command(Operation.DELETE),
    )

    assert [type(changed), gone, missing] == [Applied, Applied(), AlreadyAbsent()]
    assert provider.addresses == {}
