"""From a command to Spoke's stop and requests (pure).

The reference is the recipient's `externalId`. Spoke cannot move a stop, so the address is sent once, with the create.
"""

import re
from typing import Any
from urllib.parse import urlencode

from sendto.events.customer import Address
from sendto.sdk import Command, HttpRequest
from sendto.sdk.translation import customer_of, cut, filled, full_name, json_request, phone

TEXT_CHARACTERS = 255
PLACE_CHARACTERS = 100
NOTES_CHARACTERS = 2_000
_ID = re.compile(r"(unassignedStops|plans/[a-zA-Z0-9_-]{1,50}/stops)/[a-zA-Z0-9_-]{1,50}")
_FOUND = 10
"""the document's own default of stops in a page is more than it allows"""
_PEOPLE = ("name", "email", "phone")


def content(command: Command) -> dict[str, Any]:
    """What Spoke would hold and an update can change; what is missing is sent as null, which takes it away."""
    customer = customer_of(command)
    recipient = {
        "name": cut(full_name(customer), TEXT_CHARACTERS),
        "email": cut(customer.email, TEXT_CHARACTERS),
        "phone": phone(customer),
    }
    return recipient | {"notes": cut(command.order.comment if command.order else None, NOTES_CHARACTERS)}


def create(command: Command, base_url: str, headers: dict[str, str], depot: str | None) -> HttpRequest:
    """The request for a new stop."""
    address = (command.order and command.order.address) or Address()
    body = _change(command) | {"address": _address(address)} | filled({"depot": depot})
    return json_request("POST", f"{base_url}/unassignedStops", headers, body)


def update(command: Command, identifier: str, base_url: str, headers: dict[str, str]) -> HttpRequest:
    """The request that changes the stop with this id of Spoke's, on a plan or not."""
    return json_request("PATCH", f"{base_url}/{identifier}", headers, _change(command))


def unassigned(reference: str, base_url: str, headers: dict[str, str]) -> HttpRequest:
    """The request for the stops with our reference that are on no plan."""
    return HttpRequest("GET", f"{base_url}/unassignedStops?{urlencode({'filter.externalId': reference})}", headers)


def anywhere(reference: str, base_url: str, headers: dict[str, str]) -> HttpRequest:
    """The request for the stops with our reference, on a plan or not. References hold no quotation marks."""
    query = urlencode({"filter": f'recipient.externalId = "{reference}"', "maxPageSize": _FOUND})
    return HttpRequest("GET", f"{base_url}/stops:search?{query}", headers)


def identifier(stop: dict[str, Any]) -> str | None:
    """Spoke's id of a stop, which is its path too; None where it is no such path."""
    return usable(stop.get("id"))


def usable(found: object) -> str | None:
    """An id of a stop that may be put into an address, None where it is none."""
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def belongs(stop: dict[str, Any], reference: str) -> bool:
    """Whether a stop is that of our reference."""
    return _recipient(stop).get("externalId") == reference and identifier(stop) is not None


def held(stop: dict[str, Any]) -> dict[str, Any]:
    """What Spoke holds, in the form of `content`."""
    recipient = _recipient(stop)
    return {name: recipient.get(name) or None for name in _PEOPLE} | {"notes": stop.get("notes") or None}


def _change(command: Command) -> dict[str, Any]:
    wanted = content(command)
    recipient = {name: wanted[name] for name in _PEOPLE} | {"externalId": command.reference}
    return {"recipient": recipient, "notes": wanted["notes"]}


def _address(address: Address) -> dict[str, str]:
    return filled(
        {
            "addressLineOne": cut(address.address_1, TEXT_CHARACTERS),
            "addressLineTwo": cut(address.address_2, TEXT_CHARACTERS),
            "city": cut(address.city, PLACE_CHARACTERS),
            "state": cut(address.state, PLACE_CHARACTERS),
            "zip": cut(address.postcode, PLACE_CHARACTERS),
            "country": address.country,
        }
    )


def _recipient(stop: dict[str, Any]) -> dict[str, Any]:
    recipient = stop.get("recipient")
    return recipient if isinstance(recipient, dict) else {}
