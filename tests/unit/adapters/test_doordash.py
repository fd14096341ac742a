"""From commands to deliveries of DoorDash."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from infra.adapters import CASES, ORDER, command

from sendto.sdk import Command, Operation, Requirement

CASE = CASES["doordash"]


def _sent(one: Command, **config: Any) -> Any:
    return json.loads(CASE.adapter(**config).translate(one).body)


def test_a_delivery_as_it_is_sent() -> None:
    order = ORDER.model_copy(update={"currency": "USD"})

    assert _sent(command(Operation.CREATE, order=order)) == {
        "external_delivery_id": "51342",
        "pickup_address": "901 Market Street 6th Floor San Francisco, CA 94103",
        "pickup_phone_number": "+16505555555",
        "dropoff_contact_given_name": "Ada",
        "dropoff_contact_family_name": "Lovelace",
        "dropoff_phone_number": "+447700900123",
        "dropoff_address": "2 St Josephs Crescent, Liverpool, L3 3JF, GB",
        "dropoff_instructions": "Ring twice",
        "order_value": 1504,
    }


def test_no_email_address_is_sent() -> None:
    for operation in (Operation.CREATE, Operation.UPDATE):
        assert b"ada@shop.test" not in CASE.adapter().translate(command(operation)).body


def test_names_lose_what_doordash_refuses_in_them() -> None:
    sent = _sent(command(Operation.CREATE, first_name="Ada <3 [x] #1", last_name="@@@"))

    assert sent["dropoff_contact_given_name"] == "Ada <3 x 1"
    assert "dropoff_contact_family_name" not in sent


def test_a_family_name_that_is_taken_away_is_taken_away_there() -> None:
    assert _sent(command(Operation.UPDATE, last_name=""))["dropoff_contact_family_name"] == "-"


@pytest.mark.parametrize(
    ("total", "currency", "cents"),
    [(15.0449, "USD", 1504), (0.1 + 0.2, "CAD", 30), (15.04, "GBP", None), (None, "USD", None), (1e12, "USD", None)],
)
def test_the_value_is_in_cents_of_a_currency_that_is_known_there(
    total: float | None, currency: str, cents: int | None
) -> None:
    order = ORDER.model_copy(update={"order_total": total, "currency": currency})

    assert _sent(command(Operation.CREATE, order=order)).get("order_value") == cents


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        (datetime(2026, 1, 2, 18, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T16:30:00Z"),
        (datetime(2026, 1, 2, 18, 30), None),  # noqa: DTZ001 - without an offset
        (datetime(2026, 1, 1, 18, 30, tzinfo=UTC), None),
        (datetime(9999, 12, 31, 23, 0, tzinfo=timezone(timedelta(hours=-5))), None),
    ],
)
def test_the_order_s_time_is_kept_while_it_is_to_come(moment: datetime, sent: str | None) -> None:
    order = ORDER.model_copy(update={"order_date_time": moment})

    assert _sent(command(Operation.CREATE, order=order)).get("dropoff_time") == sent
    assert "dropoff_time" not in _sent(command(Operation.CREATE, order=order), at_order_time=False)


def test_what_a_courier_needs_is_required() -> None:
    can = CASE.adapter().capabilities

    assert can.requires == {Requirement.DELIVERY_ADDRESS, Requirement.PHONE}
    assert can.order_types == {"delivery"}
    assert can.dispatches_courier
