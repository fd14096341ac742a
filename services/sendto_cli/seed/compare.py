"""What the sandbox should hold of an order, worked out from what was sent to the API. Pure."""

from typing import Any

from sendto_cli.seed.orders import SeedOrder

_ADDRESS = ("address_1", "address_2", "city", "state", "postcode", "country")
_CUSTOMER = ("first_name", "last_name", "email")


def expected(order: SeedOrder) -> dict[str, Any]:
    """Every field, by its dotted path."""
    body = order.body
    customer = {name: body["customer"][name] for name in _CUSTOMER}
    snapshot = {
        "order_type": body["order_type"],
        "location_id": body.get("location_id"),
        "status_id": body.get("status_id"),
        "comment": body.get("comment", ""),
        "payment": body.get("payment"),
        "total_items": body.get("total_items", 0),
        "order_total": body.get("order_total", 0.0),
        "currency": body["currency"],
        "shipment_provider": body.get("shipment_provider"),
    }
    address = body.get("address")
    lines = {name: address.get(name) for name in _ADDRESS} if address else None
    return _flat(customer | {"phone": order.phone_e164, "order": snapshot | {"address": lines}})


def differences(order: SeedOrder, held: dict[str, Any]) -> list[str]:
    """The dotted paths at which the sandbox's object differs."""
    found = _flat(held)
    return [path for path, value in expected(order).items() if found.get(path, _MISSING) != value]


_MISSING = object()


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
