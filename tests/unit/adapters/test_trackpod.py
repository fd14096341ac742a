"""What Track-POD has taught: change first and make what is missing; accepted, processed and gone."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from infra.adapters import ADDRESS, CASES, ORDER, command
from infra.providers.scripted import Answer, Direct
from infra.providers.trackpod import TrackPod, response

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Applied,
    Command,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Requirement,
    Transient,
)

CASE = CASES["trackpod"]
ACCEPTED = Accepted(RemoteRef("51342"))
APPLIED = Applied(RemoteRef("51342"))


def _apply(provider: TrackPod, *commands: Command) -> list[Outcome]:
    adapter = CASE.adapter()
    return [asyncio.run(adapter.apply(one, Direct(provider))) for one in commands]


def _sent(one: Command) -> Any:
    return json.loads(CASE.adapter().translate(one).body)


def test_an_order_as_it_is_sent() -> None:
    order = ORDER.model_copy(update={"order_date_time": datetime(343, 3, 1, 12, 0, tzinfo=UTC)})

    assert _sent(command(Operation.CREATE, order=order)) == {
        "Id": "51342",
        "Number": "51342",
        "Type": 0,
        "Client": "Ada Lovelace",
        "ContactName": "Ada Lovelace",
        "Phone": "+447700900123",
        "Email": "ada@shop.test",
        "Address": "2 St Josephs Crescent, Liverpool, L3 3JF, GB",
        "Note": "Ring twice",
        "Date": "0343-03-01T00:00:00Z",
        "DepotId": "depot-7",
    }


def test_what_is_taken_away_is_sent_empty() -> None:
    sent = _sent(command(Operation.UPDATE, email=None, mobile_e164=None, order=None))

    assert (sent["Email"], sent["Phone"], sent["Note"]) == ("", "", "")


def test_an_order_is_changed_first_and_made_where_it_is_missing() -> None:
    provider = TrackPod()

    outcomes = _apply(provider, command(Operation.CREATE), command(Operation.CREATE), command(Operation.UPDATE))

    assert outcomes == [APPLIED, ACCEPTED, ACCEPTED]
    assert provider.writes() == ["PUT /Order", "POST /Order", "PUT /Order", "PUT /Order"]


def test_an_order_that_was_removed_for_good_is_made_again() -> None:
    provider = TrackPod()

    outcomes = _apply(provider, command(Operation.CREATE), command(Operation.DELETE), command(Operation.CREATE))

    assert outcomes == [APPLIED, Applied(), APPLIED]
    assert provider.writes()[-2:] == ["PUT /Order", "POST /Order"]


def test_an_order_that_a_driver_has_processed_stays() -> None:
    provider = TrackPod()
    _apply(provider, command(Operation.CREATE))
    provider.processed = {"51342"}

    assert _apply(provider, command(Operation.UPDATE), command(Operation.DELETE)) == [
        Rejected("already_processed", "a driver has processed the order already"),
        Rejected("already_processed", "the order has a delivery status already"),
    ]


def test_a_create_that_is_not_allowed_may_be_at_a_wrong_address() -> None:
    """Rule 22: a misdeployed provider kills no lane."""
    provider = TrackPod()
    provider.next.append(Answer(405))

    assert _apply(provider, command(Operation.CREATE)) == [Transient("http_405", nothing_done=True)]


def test_an_error_inside_a_success_is_none() -> None:
    provider = TrackPod()
    provider.next.append(Answer(202, response(400)))

    assert _apply(provider, command(Operation.UPDATE)) == [
        Transient("answer_contradicts", "Track-POD's answer tells of an error inside a success")
    ]


def test_what_is_gone_is_absent() -> None:
    assert _apply(TrackPod(), command(Operation.DELETE)) == [AlreadyAbsent()]
    provider = TrackPod()
    provider.next.extend([Answer(410, {}), Answer(410, {})])
    assert _apply(provider, command(Operation.DELETE)) == [AlreadyAbsent()]
    assert asyncio.run(CASE.adapter().find("51342", Direct(provider))) is None


def test_neither_an_address_nor_a_reference_is_cut() -> None:
    provider = TrackPod()
    far = ADDRESS.model_copy(update={"address_1": "x" * 128, "address_2": "y" * 128})
    long = command(Operation.CREATE, order=ORDER.model_copy(update={"address": far}))
    named = command(Operation.CREATE, reference="p" * 32 + "9" * 19)

    assert _apply(provider, long, named) == [
        Rejected("address_too_long", "the address has more than 255 characters"),
        Rejected("reference_too_long", "Track-POD takes ids of up to 50 characters"),
    ]
    assert provider.asked == []


def test_it_needs_an_address() -> None:
    assert CASE.adapter().capabilities.requires == {Requirement.DELIVERY_ADDRESS}
