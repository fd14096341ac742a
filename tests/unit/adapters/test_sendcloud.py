"""What Sendcloud has taught: all or nothing, 400s that pass, orders that are saved late."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from infra.adapters import ADDRESS, CASES, ORDER, command
from infra.providers.scripted import Answer, Direct
from infra.providers.sendcloud import Sendcloud, refusal

from sendto.events.customer import OrderSnapshot
from sendto.sdk import (
    BATCH_REFUSED,
    Accepted,
    AlreadyAbsent,
    Applied,
    BatchAdapter,
    Command,
    HealthVerdict,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
)

CASE = CASES["sendcloud"]
BUSY = refusal("We are still processing a previous request. Please try again in a moment.", "/data")


AGAIN = Transient(BATCH_REFUSED, "the whole request was refused, for another order or as such", nothing_done=True)


def _sent(one: Command, **config: Any) -> Any:
    [order] = json.loads(CASE.adapter(**config).translate(one).body)
    return order


def _apply(provider: Sendcloud, *commands: Command, **config: Any) -> list[Outcome]:
    adapter = CASE.adapter(**config)
    return [asyncio.run(adapter.apply(one, Direct(provider))) for one in commands]


def _apply_many(provider: Sendcloud, commands: list[Command]) -> list[Outcome]:
    adapter = CASE.adapter()
    assert isinstance(adapter, BatchAdapter)
    return asyncio.run(adapter.apply_many(commands, Direct(provider)))


def _three() -> list[Command]:
    return [command(Operation.CREATE, reference=str(number), first_name=f"Ada{number}") for number in (1, 2, 3)]


def test_an_order_as_it_is_sent() -> None:
    price = {"value": 15.04, "currency": "GBP"}
    person = {"name": "Ada Lovelace", "email": "ada@shop.test", "phone_number": "+447700900123"}

    assert _sent(command(Operation.CREATE)) == {
        "order_id": "51342",
        "order_number": "51342",
        "order_details": {
            "integration": {"id": 739283},
            "status": {"code": "open"},
            "order_created_at": "2026-01-02T03:04:05+00:00",
            "order_items": [{"name": "Order 51342", "quantity": 1, "total_price": price}],
            "notes": "Ring twice",
        },
        "payment_details": {"is_cash_on_delivery": True, "total_price": price, "status": {"code": "cod"}},
        "customer_details": person,
        "shipping_address": person
        | {
            "address_line_1": "2 St Josephs Crescent",
            "city": "Liverpool",
            "postal_code": "L3 3JF",
            "country_code": "GB",
        },
        "shipping_details": {"is_local_pickup": False},
    }


def test_an_address_that_is_not_whole_is_left_out() -> None:
    order = ORDER.model_copy(update={"address": ADDRESS.model_copy(update={"postcode": None})})

    assert "shipping_address" not in _sent(command(Operation.CREATE, order=order))


def test_an_address_that_is_no_email_address_is_not_given_to_the_carrier() -> None:
    sent = _sent(command(Operation.CREATE, email="none"))

    assert sent["customer_details"]["email"] == "none"
    assert "email" not in sent["shipping_address"]


def test_a_time_without_an_offset_is_taken_as_utc() -> None:
    order = ORDER.model_copy(update={"order_date_time": datetime(2026, 3, 1, 12, 0)})  # noqa: DTZ001 - that is it

    assert _sent(command(Operation.CREATE, order=order))["order_details"]["order_created_at"] == (
        "2026-03-01T12:00:00+00:00"
    )


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"currency": "JPY"}, "currency_unsupported"),
        ({"order_total": None}, "needs_order_total"),
    ],
)
def test_what_sendcloud_cannot_hold_is_rejected_without_a_call(order: dict[str, Any], code: str) -> None:
    provider = Sendcloud()

    [outcome] = _apply(provider, command(Operation.CREATE, order=ORDER.model_copy(update=order)))

    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert provider.asked == []


def test_an_order_without_a_currency_takes_the_default() -> None:
    order = OrderSnapshot(order_total=3.0)

    assert _sent(command(Operation.CREATE, order=order))["payment_details"]["total_price"]["currency"] == "EUR"
    [outcome] = _apply(Sendcloud(), command(Operation.CREATE, order=order), default_currency=None)
    assert outcome == Rejected("currency_unsupported", "Sendcloud takes EUR, GBP and USD")


def test_an_order_that_is_still_being_worked_on_goes_again() -> None:
    provider = Sendcloud()
    provider.next.append(Answer(400, BUSY))

    busy, taken = _apply(provider, command(Operation.CREATE), command(Operation.CREATE))

    assert busy == Transient("still_processing", retry_after_s=1.0, nothing_done=True)
    assert taken == Accepted(RemoteRef("664"))


def test_one_order_at_fault_does_not_bury_the_others() -> None:
    provider = Sendcloud()
    provider.refused = {"Ada2 Lovelace"}

    first = _apply_many(provider, _three())
    again = _apply_many(provider, [one for one, outcome in zip(_three(), first, strict=True) if _passes(outcome)])

    assert first == [AGAIN, Rejected("sendcloud_invalid", "about customer_details, name"), AGAIN]
    assert [type(outcome) for outcome in again] == [Accepted, Accepted]
    assert set(provider.orders) == {"1", "3"}


def _passes(outcome: Outcome) -> bool:
    return isinstance(outcome, Transient)


@pytest.mark.parametrize("answer", [Answer(413), Answer(422, {}), Answer(400, refusal("Wrong", "/data/attributes/"))])
def test_a_batch_that_is_refused_for_no_one_in_particular_buries_no_one(answer: Answer) -> None:
    provider = Sendcloud()
    provider.next.extend([answer, answer])

    assert _apply_many(provider, _three()) == [AGAIN] * 3
    assert [type(outcome) for outcome in _apply_many(provider, _three()[:1])] == [Rejected]


def test_a_busy_batch_goes_again_as_a_whole() -> None:
    provider = Sendcloud()
    provider.next.append(Answer(400, BUSY))

    assert {type(outcome) for outcome in _apply_many(provider, _three())} == {Transient}


def test_a_batch_leaves_out_what_cannot_be_sent() -> None:
    provider = Sendcloud()
    commands = _three()
    commands[1] = command(Operation.CREATE, reference="2", order=ORDER.model_copy(update={"currency": "JPY"}))

    outcomes = _apply_many(provider, commands)

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted]
    assert len(provider.asked) == 1


def test_each_order_of_a_batch_gets_its_own_id() -> None:
    assert _apply_many(Sendcloud(), _three()) == [
        Accepted(RemoteRef("664")),
        Accepted(RemoteRef("665")),
        Accepted(RemoteRef("666")),
    ]


def test_a_wrong_integration_is_the_provider_s_trouble_not_the_order_s() -> None:
    provider = Sendcloud()
    provider.next.append(Answer(400, refusal("Field required", "/data/attributes/[0]/order_details/integration")))

    [outcome, gone] = _apply(provider, command(Operation.CREATE), command(Operation.DELETE), integration_id=1)

    assert isinstance(outcome, Unauthorized)
    assert isinstance(gone, Unauthorized)
    assert asyncio.run(CASE.adapter(integration_id=1).check(Direct(provider))).verdict is HealthVerdict.MISCONFIGURED


def test_an_order_that_is_not_shown_yet_is_deleted_all_the_same() -> None:
    """Rule 18: Sendcloud saves after its answer; a delete right after a create must not leave an orphan."""
    provider = Sendcloud()
    _apply(provider, command(Operation.CREATE))
    provider.hidden_looks = 1

    [outcome] = _apply(provider, command(Operation.DELETE))

    assert outcome == Applied()
    assert provider.orders == {}


def test_a_delete_of_what_never_was_is_done() -> None:
    provider = Sendcloud()

    assert _apply(provider, command(Operation.DELETE)) == [AlreadyAbsent()]
    assert [asked.method for asked in provider.asked] == ["GET", "GET"]


def test_a_person_is_overwritten_where_orders_must_stay() -> None:
    provider = Sendcloud()
    _apply(provider, command(Operation.CREATE))

    [outcome] = _apply(provider, command(Operation.DELETE), on_delete="anonymise")

    assert outcome == Applied()
    held = json.dumps(provider.orders["51342"])
    for word in ("Ada", "Lovelace", "ada@shop.test", "+447700900123", "Josephs", "L3 3JF", "Ring twice"):
        assert word not in held
    assert CASE.adapter(on_delete="anonymise").capabilities.delete_mode == "anonymise"


def test_ids_of_another_case_are_others() -> None:
    """Sendcloud's filter takes `l-7` for `L-7`."""
    provider = Sendcloud()
    _apply(provider, command(Operation.CREATE, reference="l-7"))
    provider.next.append(Answer(200, {"data": [provider.orders["l-7"]]}))

    assert asyncio.run(CASE.adapter().find("L-7", Direct(provider))) is None
