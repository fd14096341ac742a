"""From a command to Track-POD's order and requests (pure)."""

from typing import Any
from urllib.parse import quote

from sendto.events.customer import Address
from sendto.sdk import Command, HttpRequest, Rejected
from sendto.sdk.translation import customer_of, cut, filled, full_name, json_request, phone

REFERENCE_CHARACTERS = 50
TEXT_CHARACTERS = 255
NOTE_CHARACTERS = 500
_DELIVERY = 0
"""an order of the other type, a collection, sends the driver to fetch something"""
_FIELDS = ("Client", "ContactName", "Phone", "Email", "Address", "Note")


def content(command: Command) -> dict[str, Any]:
    """What Track-POD would hold; what is missing is sent empty, so that an update takes it away."""
    customer, order = customer_of(command), command.order
    name = cut(full_name(customer), TEXT_CHARACTERS)
    return {
        "Client": name,
        "ContactName": name,
        "Phone": phone(customer) or "",
        "Email": customer.email or "",
        "Address": one_line((order and order.address) or Address()),
        "Note": cut(order.comment if order else None, NOTE_CHARACTERS) or "",
        "Date": order.order_date_time.date().isoformat() if order and order.order_date_time else None,
    }


def problem(command: Command) -> Rejected | None:
    """Why Track-POD cannot take this order at all, None if it can. An address is never cut: it would be another."""
    if len(command.reference) > REFERENCE_CHARACTERS:
        return Rejected("reference_too_long", "Track-POD takes ids of up to 50 characters")
    address = (command.order and command.order.address) or Address()
    if len(one_line(address)) > TEXT_CHARACTERS:
        return Rejected("address_too_long", "the address has more than 255 characters")
    return None


def put(command: Command, base_url: str, headers: dict[str, str], depot_id: str | None) -> HttpRequest:
    """The request that changes the order, which must be there."""
    return json_request("PUT", f"{base_url}/Order", headers, _order(command, depot_id))


def post(command: Command, base_url: str, headers: dict[str, str], depot_id: str | None) -> HttpRequest:
    """The request that makes the order."""
    return json_request("POST", f"{base_url}/Order", headers, _order(command, depot_id))


def place(reference: str, base_url: str) -> str:
    """The URL of the order with our reference."""
    return f"{base_url}/Order/Id/{quote(reference, safe='')}"


def held(order: dict[str, Any]) -> dict[str, Any]:
    """What Track-POD holds, in the form of `content`."""
    date = order.get("Date")
    known = {name: order.get(name) or "" for name in _FIELDS}
    return known | {"Date": date[:10] if isinstance(date, str) and date else None}


def one_line(address: Address) -> str:
    """The address as one text, from the street to the country."""
    parts = (address.address_1, address.address_2, address.city, address.state, address.postcode, address.country)
    return ", ".join(text for part in parts if (text := (part or "").strip()))


def _order(command: Command, depot_id: str | None) -> dict[str, Any]:
    wanted = content(command)
    date = wanted.pop("Date")
    order = {"Id": command.reference, "Number": command.reference, "Type": _DELIVERY} | wanted
    return order | filled({"Date": date and f"{date}T00:00:00Z", "DepotId": depot_id})
