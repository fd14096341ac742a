"""From a command to DoorDash's delivery and requests (pure). Our reference is the delivery's id, in the path too."""

import re
from datetime import UTC
from typing import Any
from urllib.parse import quote

from sendto.events.customer import Address, OrderSnapshot
from sendto.sdk import Command, HttpRequest
from sendto.sdk.translation import customer_of, cut, filled, json_request, phone

NAME_CHARACTERS = 100
TEXT_CHARACTERS = 500
"""DoorDash names no bounds; these are ours"""

_REFUSED_IN_NAMES = re.compile(r"[~`@#$%^&*+=?;\[{\]}]")
_NO_FAMILY_NAME = "-"
"""a field that is left out of an update stays as it was"""
_CENTS = frozenset({"USD", "CAD", "AUD", "NZD"})
"""the currencies of the countries that DoorDash serves; each has cents"""
_MOST_CENTS = 2**31 - 1
_COMPARABLE = (
    "dropoff_contact_given_name",
    "dropoff_contact_family_name",
    "dropoff_phone_number",
    "dropoff_instructions",
    "order_value",
)


def content(command: Command, *, at_order_time: bool) -> dict[str, Any]:
    """What DoorDash would hold of the customer and the order. There is no e-mail address in it."""
    customer, order = customer_of(command), command.order or OrderSnapshot()
    return {
        "dropoff_contact_given_name": _name(customer.first_name),
        "dropoff_contact_family_name": _name(customer.last_name),
        "dropoff_phone_number": phone(customer),
        "dropoff_address": one_line(order.address or Address()),
        "dropoff_instructions": cut(order.comment, TEXT_CHARACTERS),
        "order_value": _cents(order),
        "dropoff_time": _time(command, order) if at_order_time else None,
    }


def create(
    command: Command, base_url: str, headers: dict[str, str], pickup: dict[str, str], *, at_order_time: bool
) -> HttpRequest:
    """The request that orders a courier."""
    delivery = filled(content(command, at_order_time=at_order_time))
    body = {"external_delivery_id": command.reference} | pickup | delivery
    return json_request("POST", f"{base_url}/drive/v2/deliveries", headers, body)


def update(command: Command, base_url: str, headers: dict[str, str], *, at_order_time: bool) -> HttpRequest:
    """The request that changes a delivery."""
    delivery = filled(content(command, at_order_time=at_order_time))
    delivery.setdefault("dropoff_contact_family_name", _NO_FAMILY_NAME)
    return json_request("PATCH", place(command.reference, base_url), headers, delivery)


def cancel(reference: str, base_url: str, headers: dict[str, str]) -> HttpRequest:
    """The request that cancels a delivery."""
    return json_request("PUT", f"{place(reference, base_url)}/cancel", headers, {})


def place(reference: str, base_url: str) -> str:
    """The URL of the delivery with our reference."""
    return f"{base_url}/drive/v2/deliveries/{quote(reference, safe='')}"


def held(delivery: dict[str, Any]) -> dict[str, Any]:
    """What DoorDash holds, in the form of `content`, but for what it writes in its own way: address and times."""
    known = {name: delivery.get(name) or None for name in _COMPARABLE}
    if known["dropoff_contact_family_name"] == _NO_FAMILY_NAME:
        known["dropoff_contact_family_name"] = None
    return known


def one_line(address: Address) -> str:
    """The address as DoorDash wants it: separated by commas, from the street to the country."""
    region = " ".join(text for part in (address.state, address.postcode) if (text := (part or "").strip()))
    parts = (address.address_1, address.address_2, address.city, region, address.country)
    return ", ".join(text for part in parts if (text := (part or "").strip()))


def _name(name: str) -> str | None:
    """The name without the characters that DoorDash refuses in names."""
    return cut(" ".join(_REFUSED_IN_NAMES.sub(" ", name).split()), NAME_CHARACTERS)


def _cents(order: OrderSnapshot) -> int | None:
    if order.order_total is None or order.currency not in _CENTS:
        return None
    cents = round(order.order_total * 100)
    return cents if 0 <= cents <= _MOST_CENTS else None


def _time(command: Command, order: OrderSnapshot) -> str | None:
    """The order's time, if it has an offset and lies after the event that brought it."""
    moment = order.order_date_time
    if moment is None or moment.tzinfo is None or moment <= command.occurred_at:
        return None
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return None  # in the last hours of the year 9999
