"""From a command to Karrio's address and requests (pure).

Karrio knows no id of ours. The reference is in the address's label, where Karrio's keyword search looks too.
"""

import textwrap
from typing import Any
from urllib.parse import quote, urlencode

from sendto.events.customer import Address
from sendto.sdk import Command, HttpRequest, Rejected
from sendto.sdk.translation import customer_of, cut, full_name, json_request, phone
from sendto_dispatcher.adapters.karrio.countries import COUNTRIES

LINE_CHARACTERS = 50
NAME_CHARACTERS = 50
CITY_CHARACTERS = 30
STATE_CHARACTERS = 20
POSTCODE_CHARACTERS = 10
_LINES = 2
PAGE = 100
"""the most addresses that Karrio lists at once"""
FIELDS = (
    "person_name",
    "email",
    "phone_number",
    "address_line1",
    "address_line2",
    "city",
    "state_code",
    "postal_code",
    "country_code",
)


def content(command: Command, default_country: str | None) -> dict[str, Any]:
    """What Karrio would hold; what is missing is sent as null, so that an update takes it away."""
    customer = customer_of(command)
    address = (command.order and command.order.address) or Address()
    lines = [*_lines(address), None, None]
    return {
        "person_name": cut(full_name(customer), NAME_CHARACTERS),
        "email": customer.email or None,
        "phone_number": phone(customer),
        "address_line1": lines[0],
        "address_line2": lines[1],
        "city": cut(address.city, CITY_CHARACTERS),
        "state_code": cut(address.state, STATE_CHARACTERS),
        "postal_code": (address.postcode or "").strip() or None,
        "country_code": address.country or default_country,
    }


def problem(command: Command, default_country: str | None) -> Rejected | None:
    """Why Karrio cannot take this address, None if it can. A street or postcode is never cut: it would be another."""
    wanted = content(command, default_country)
    address = (command.order and command.order.address) or Address()
    if wanted["country_code"] is None:
        return Rejected("needs_country", "the address names no country")
    if wanted["country_code"] not in COUNTRIES:
        return Rejected("country_unknown", "Karrio does not know the country")
    if len(_lines(address)) > _LINES:
        return Rejected("address_too_long", "the street does not fit into two lines of 50 characters")
    if len(wanted["postal_code"] or "") > POSTCODE_CHARACTERS:
        return Rejected("postcode_too_long", "the postcode has more than 10 characters")
    return None


def label(reference: str) -> str:
    """The address's label, and the keyword to find it by; the end keeps 7 and 77 apart."""
    return f"order {reference} (sendto)"


def create(command: Command, base_url: str, headers: dict[str, str], default_country: str | None) -> HttpRequest:
    """The request for a new address."""
    return json_request("POST", f"{base_url}/v1/addresses", headers, _body(command, default_country))


def update(
    command: Command, identifier: str, base_url: str, headers: dict[str, str], default_country: str | None
) -> HttpRequest:
    """The request that changes the address with this id of Karrio's."""
    return json_request("PATCH", place(identifier, base_url), headers, _body(command, default_country))


def search(reference: str, base_url: str, headers: dict[str, str]) -> HttpRequest:
    """The request for the addresses with our reference in them."""
    query = urlencode({"keyword": label(reference), "limit": PAGE})
    return HttpRequest("GET", f"{base_url}/v1/addresses?{query}", headers)


def place(identifier: str, base_url: str) -> str:
    """The URL of the address with this id of Karrio's."""
    return f"{base_url}/v1/addresses/{quote(identifier, safe='')}"


def held(address: dict[str, Any]) -> dict[str, Any]:
    """What Karrio holds, in the form of `content`."""
    return {name: address.get(name) or None for name in FIELDS}


def _body(command: Command, default_country: str | None) -> dict[str, Any]:
    return content(command, default_country) | {"meta": {"label": label(command.reference)}}


def _lines(address: Address) -> list[str]:
    """The street in lines that Karrio takes: as they are if they fit, else broken anew between words."""
    lines = [line for text in (address.address_1, address.address_2) if (line := (text or "").strip())]
    if all(len(line) <= LINE_CHARACTERS for line in lines):
        return lines
    return textwrap.wrap(", ".join(lines), LINE_CHARACTERS)
