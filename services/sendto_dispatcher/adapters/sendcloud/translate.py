"""From a command to Sendcloud's order and requests (pure).

The customer alone is no order there: `order_items` must be present, so the order is one line of its whole value, and
`payment_details` needs the total with its currency. The address is sent where it has all that Sendcloud wants of one.
"""

from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import urlencode

from sendto.events.customer import Address, OrderSnapshot
from sendto.sdk import Command, HttpRequest, Rejected
from sendto.sdk.translation import customer_of, cut, filled, full_name, json_request, phone
from sendto_dispatcher.adapters.sendcloud.config import Currency

ADDRESS_CHARACTERS = 255
NOTES_CHARACTERS = 2_000
"""Sendcloud names no bounds; these are ours"""

_REMOVED = "Removed"
_NO_EMAIL = "removed@removed.invalid"
_NO_PHONE = "0"
_CASH = "cod"
_CENTS = 2
"""digits after the point in each of the currencies"""
_CURRENCIES = frozenset(get_args(Currency))
_NEEDED_OF_AN_ADDRESS = ("address_line_1", "postal_code", "city", "country_code")


def content(command: Command, default_currency: str | None) -> dict[str, Any]:
    """What Sendcloud would hold of the customer and the order, but for when the order was placed."""
    customer, order = customer_of(command), command.order or OrderSnapshot()
    return {
        "name": full_name(customer),
        "email": customer.email or None,
        "phone": phone(customer),
        "address": _address(order.address),
        "notes": cut(order.comment, NOTES_CHARACTERS),
        "total": None if order.order_total is None else round(order.order_total, _CENTS),
        "currency": order.currency or default_currency,
        "status": "open" if order.status_id is None else str(order.status_id),
        "payment": cut(order.payment, ADDRESS_CHARACTERS) or "unknown",
        "pickup": order.order_type == "collection",
    }


def problem(command: Command, default_currency: str | None) -> Rejected | None:
    """Why Sendcloud cannot take this order at all, None if it can."""
    wanted = content(command, default_currency)
    if wanted["total"] is None:
        return Rejected("needs_order_total", "the order has no total")
    if wanted["currency"] not in _CURRENCIES:
        return Rejected("currency_unsupported", "Sendcloud takes EUR, GBP and USD")
    return None


def order_body(command: Command, integration_id: int, default_currency: str | None) -> dict[str, Any]:
    """Sendcloud's order."""
    wanted = content(command, default_currency)
    price = {"value": wanted["total"], "currency": wanted["currency"]}
    details = {
        "integration": {"id": integration_id},
        "status": {"code": wanted["status"]},
        "order_created_at": _placed_at(command),
        "order_items": [{"name": f"Order {command.reference}", "quantity": 1, "total_price": price}],
        "notes": wanted["notes"] or "",
    }
    person = filled({"name": wanted["name"], "email": wanted["email"], "phone_number": wanted["phone"]})
    body = {
        "order_id": command.reference,
        "order_number": command.reference,
        "order_details": details,
        "payment_details": {
            "is_cash_on_delivery": wanted["payment"] == _CASH,
            "total_price": price,
            "status": {"code": wanted["payment"]},
        },
        "customer_details": person,
        "shipping_details": {"is_local_pickup": wanted["pickup"]},
    }
    if wanted["address"]:
        body["shipping_address"] = _recipient(person) | wanted["address"]
    return body


def _recipient(person: dict[str, Any]) -> dict[str, Any]:
    """The person as the address has it, where an e-mail address must look like one."""
    before, _, after = (person.get("email") or "").rpartition("@")
    return person if before and after else {name: value for name, value in person.items() if name != "email"}


def upsert(
    commands: list[Command], base_url: str, headers: dict[str, str], integration_id: int, default_currency: str | None
) -> HttpRequest:
    """The one request that creates or updates up to a hundred orders, all of them or none."""
    orders = [order_body(command, integration_id, default_currency) for command in commands]
    return json_request("POST", f"{base_url}/orders", headers, orders)


def look_up(reference: str, base_url: str, headers: dict[str, str], integration_id: int) -> HttpRequest:
    """The request for the orders with this id; Sendcloud compares ids without regard to case."""
    query = urlencode({"integration": integration_id, "order_id": reference})
    return HttpRequest("GET", f"{base_url}/orders?{query}", headers)


def anonymised(order: dict[str, Any]) -> dict[str, Any]:
    """The partial update that overwrites the person in an order, as Sendcloud holds it.

    The document calls the number `phone` here and `phone_number` elsewhere: both are overwritten.
    """
    number = {"phone": _NO_PHONE, "phone_number": _NO_PHONE}
    body: dict[str, Any] = {
        "order_details": {"notes": ""},
        "customer_details": {"name": _REMOVED, "email": _NO_EMAIL} | number,
    }
    if order.get("shipping_address"):
        body["shipping_address"] = {
            "name": _REMOVED,
            "address_line_1": "-",
            "address_line_2": "",
            "house_number": "",
            "postal_code": "-",
            "city": "-",
            "email": _NO_EMAIL,
            "phone_number": _NO_PHONE,
        }
    return body


def held(order: dict[str, Any]) -> dict[str, Any]:
    """What Sendcloud holds of the customer, in the form of `content`.

    Prices and states are left out: they are no concern of the relay's, and shops and people change them there.
    """
    person = _part(order, "customer_details")
    return {
        "name": person.get("name"),
        "email": person.get("email") or None,
        "phone": person.get("phone_number") or None,
        "address": _held_address(_part(order, "shipping_address")),
        "notes": _part(order, "order_details").get("notes") or None,
    }


def _address(address: Address | None) -> dict[str, str] | None:
    if address is None:
        return None
    fields = {
        "address_line_1": cut(address.address_1, ADDRESS_CHARACTERS),
        "address_line_2": cut(address.address_2, ADDRESS_CHARACTERS),
        "postal_code": cut(address.postcode, ADDRESS_CHARACTERS),
        "city": cut(address.city, ADDRESS_CHARACTERS),
        "country_code": address.country,
    }
    return filled(fields) if all(fields[name] for name in _NEEDED_OF_AN_ADDRESS) else None


def _held_address(address: dict[str, Any]) -> dict[str, Any] | None:
    names = (*_NEEDED_OF_AN_ADDRESS, "address_line_2")
    return {name: address[name] for name in names if address.get(name)} or None


def _placed_at(command: Command) -> str:
    """When the order was placed, as far as the events tell; a time without an offset is taken as UTC."""
    customer, order = customer_of(command), command.order
    moment: datetime = (order and order.order_date_time) or customer.created_at or command.occurred_at
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
