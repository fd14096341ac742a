"""Customers, orders and commands as they may come, for property-based tests of adapters."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from sendto.events.customer import Address, Customer, OrderSnapshot
from sendto.sdk import Command, Operation, RemoteRef

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
_NAMES = st.sampled_from(
    [
        "Ada",
        "Cher",
        "O'Brien-Smith",
        "محمد بن عبد الله",
        "יעל כהן",
        "李小龍",
        "Nguyễn Thị Minh Khai",
        "👩‍👩‍👧‍👦",
        "Zoë\u0301",
        "W" * 100,
        "<b>&amp;</b>",
        '"; DROP TABLE',
        "  spaced  ",
        "@#$%",
    ]
)
_COUNTRIES = st.sampled_from(["GB", "US", "NL", "DE", "CA", "XK", "QQ"]) | st.from_regex(r"\A[A-Z]{2}\Z")
_E164 = st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z")


def texts(characters: int, *, least: int = 0) -> st.SearchStrategy[str]:
    """Any text that may come."""
    return st.text(_CHARACTERS, min_size=least, max_size=characters)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def customers() -> st.SearchStrategy[Customer]:
    """Customers: with one name or two, without an e-mail address, with a mobile only, with a number that is none."""
    return st.builds(
        Customer,
        first_name=_NAMES | texts(100, least=1).filter(lambda text: bool(text.strip())),
        last_name=st.just("") | _NAMES | texts(100),
        email=_maybe(
            st.sampled_from(["ada@shop.test", f"{'n' * 240}@shop.example", "ü@bücher.example", "no address", ""])
        ),
        phone_number=_maybe(st.sampled_from(["020 7946 0958", "call me", "+"])),
        mobile_number=_maybe(st.just("07777 777777")),
        phone_e164=_maybe(_E164),
        mobile_e164=_maybe(_E164),
        created_at=_maybe(st.datetimes(timezones=st.just(UTC))),
        updated_at=st.none(),
    )


def addresses() -> st.SearchStrategy[Address]:
    """Addresses, any part of them missing."""
    return st.builds(
        Address,
        address_1=_maybe(st.sampled_from(["2 St Josephs Crescent", "x" * 128, ""]) | texts(128)),
        address_2=_maybe(st.just("z" * 128) | texts(128)),
        city=_maybe(st.sampled_from(["Liverpool", "y" * 128]) | texts(128)),
        state=_maybe(st.just("s" * 128) | texts(128)),
        postcode=_maybe(st.sampled_from(["L3 3JF", "0123456789ABCDEF"]) | texts(16)),
        country=_maybe(_COUNTRIES),
    )


def orders() -> st.SearchStrategy[OrderSnapshot]:
    """Orders, any part of them missing."""
    return st.builds(
        OrderSnapshot,
        order_type=_maybe(st.sampled_from(["delivery", "collection"])),
        location_id=_maybe(st.integers(-(2**63), 2**63 - 1)),
        status_id=_maybe(st.integers(-(2**63), 2**63 - 1)),
        order_date_time=_maybe(st.datetimes() | st.datetimes(timezones=st.just(UTC))),
        comment=_maybe(texts(3_000) | st.sampled_from(["Ring twice", "z" * 3_000])),
        payment=_maybe(st.sampled_from(["cod", "stripe", ""]) | texts(128)),
        total_items=_maybe(st.integers(-5, 10_000)),
        order_total=_maybe(st.floats(allow_nan=False, allow_infinity=False) | st.just(15.0449)),
        currency=_maybe(st.sampled_from(["EUR", "GBP", "USD", "JPY", "QQQ"])),
        address=_maybe(addresses()),
        shipment_provider=st.none(),
    )


def at_the_bounds(operation: Operation) -> list[Command]:
    """Commands with everything as long as it may be; some have a single thing longer than a provider takes it."""
    customer = Customer(
        first_name="W" * 100, last_name="ß" * 100, email=f"{'n' * 240}@shop.example", mobile_e164="+447700900123"
    )
    address = Address(
        address_1="Long Street Name " * 5, city="y" * 128, state="s" * 128, postcode="0123456789", country="GB"
    )
    order = OrderSnapshot(
        comment="z" * 3_000, payment="p" * 128, order_total=1e9, currency="EUR", address=address, order_date_time=MOMENT
    )
    command = Command(
        operation=operation,
        reference="51342",
        source="/shop/upstream",
        order_id=2**63 - 1,
        version=7,
        generation=1,
        customer=None if operation is Operation.DELETE else customer,
        order=order,
        remote=None,
        idempotency_key="sendto-7-1",
        occurred_at=MOMENT,
        attempt=1,
        deadline_s=10.0,
    )
    short = Address(address_1="7 Short Street", city="Leeds", postcode="LS1 4DY", country="GB")
    addresses = [
        address,
        address.model_copy(update={"address_2": "z" * 128}),
        address.model_copy(update={"address_2": "Flat 7"}),
        short.model_copy(update={"postcode": "A" * 12}),
        short.model_copy(update={"country": "QQ"}),
    ]
    return [
        *(replace(command, order=order.model_copy(update={"address": one})) for one in addresses),
        replace(
            command,
            reference=f"{'p' * 32}{2**63 - 1}-2",
            order=order.model_copy(update={"address": short}),
        ),
    ]


def references() -> st.SearchStrategy[str]:
    """References: the order's number, with or without a prefix and an incarnation."""
    return st.from_regex(r"\A([A-Za-z0-9._-]{1,32})?[1-9][0-9]{0,18}(-[2-9])?\Z")


def commands(operation: Operation, remotes: st.SearchStrategy[str]) -> st.SearchStrategy[Command]:
    """Commands of one operation."""
    absent = operation is Operation.DELETE
    return st.builds(
        Command,
        operation=st.just(operation),
        reference=references(),
        source=st.just("/shop/upstream"),
        order_id=st.integers(1, 2**63 - 1),
        version=_maybe(st.integers(0, 2**63 - 1)),
        generation=st.integers(1, 2**53),
        customer=st.none() if absent else customers(),
        order=_maybe(orders()),
        remote=st.none() if operation is Operation.CREATE else _maybe(remotes.map(RemoteRef)),
        idempotency_key=st.just("sendto-7-1"),
        occurred_at=st.just(MOMENT),
        attempt=st.integers(1, 20),
        deadline_s=st.just(10.0),
    )
