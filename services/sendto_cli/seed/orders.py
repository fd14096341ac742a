"""Bodies of new orders, the same for the same seed. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sendto_cli.seed.people import COUNTRIES, Country, Phone

OPTIONAL = (
    "phone_number",
    "mobile_number",
    "telephone",
    "comment",
    "payment",
    "order_totals",
    "address",
    "location_id",
)
"""the members that an order has or has not; every combination comes within 2 ** 8 orders"""
_STRIDE = 157  # odd, so that it meets every combination, and far apart ones first
_COMMENTS = ("Bitte klingeln 🛎", "Leave it with the neighbour.\nThank you!", "Код 12#", "نهاية الممر", "請放門口")
_PAYMENTS = ("cod", "stripe", "paypal")
_STATUSES = (None, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class SeedOrder:
    """A new order.

    Attributes:
        body: for `POST /v3/orders`, with its customer.
        phone_e164: the number that a provider should know the customer by; None if there is none.
    """

    body: dict[str, Any]
    phone_e164: str | None


def seed_orders(count: int, seed: int) -> Iterator[SeedOrder]:
    """`count` orders that a shop of several countries might have."""
    dice = random.Random(seed)  # noqa: S311 - a seed to repeat
    for number in range(count):
        combination = number * _STRIDE % 2 ** len(OPTIONAL)
        has = {name for bit, name in enumerate(OPTIONAL) if combination >> bit & 1}
        yield _order(COUNTRIES[number % len(COUNTRIES)], number, has, dice)


def _order(country: Country, number: int, has: set[str], dice: random.Random) -> SeedOrder:
    phone = dice.choice(country.phones) if "phone_number" in has else None
    mobile = dice.choice(country.mobiles) if "mobile_number" in has else None
    names = {"first_name": dice.choice(country.first_names), "last_name": dice.choice(country.last_names)}
    email = f"customer.{number}+{country.code.lower()}@shop.example"
    buyer = names | {"email": email}
    body: dict[str, Any] = buyer | {"order_type": "delivery", "currency": country.currency}
    body["customer"] = buyer | _phones(phone, mobile)
    body |= _optional(country, has, dice)
    known = mobile or phone
    return SeedOrder(body, known.e164 if known else None)


def _phones(phone: Phone | None, mobile: Phone | None) -> dict[str, str]:
    given = {"phone_number": phone, "mobile_number": mobile}
    return {name: number.written for name, number in given.items() if number}


def _optional(country: Country, has: set[str], dice: random.Random) -> dict[str, Any]:
    total = dice.randrange(500, 20_000) / 100
    made: dict[str, Any] = {
        "telephone": dice.choice(country.phones).written,
        "comment": dice.choice(_COMMENTS),
        "payment": dice.choice(_PAYMENTS),
        "order_totals": [{"code": "total", "title": "Total", "value": total, "priority": 1}],
        "address": _address(country, dice),
        "location_id": dice.randrange(1, 4),
    }
    body = {name: value for name, value in made.items() if name in has}
    if "order_totals" in has:
        body |= {"order_total": total, "total_items": dice.randrange(1, 12)}
    status = dice.choice(_STATUSES)
    return body | ({"status_id": status} if status else {})


def _address(country: Country, dice: random.Random) -> dict[str, str]:
    city, state, postcode = dice.choice(country.places)
    lines = {
        "address_1": dice.choice(country.streets),
        "address_2": dice.choice(country.second_lines),
        "city": city,
        "state": state,
        "postcode": postcode,
        "country": country.code,
    }
    return {name: line for name, line in lines.items() if line is not None}
