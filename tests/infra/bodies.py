"""Bodies of requests that are good as they stand."""

from typing import Any

CUSTOMER = {
    "first_name": "John",
    "last_name": "Turcotte",
    "email": "john_turcotte@example.com",
    "mobile_number": "07777777777",
}
ORDER: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@shop.test",
    "order_type": "delivery",
}


def order(**more: Any) -> dict[str, Any]:
    """A new order's body."""
    return ORDER | more


def customer(**more: Any) -> dict[str, Any]:
    """A new customer's body."""
    return CUSTOMER | more
