"""From a command to Acme's recipient and requests. Pure: nothing here speaks to anyone."""

import json
from typing import Any
from urllib.parse import quote

from sendto.sdk import Command, HttpRequest, Operation, RemoteRef


def recipient(command: Command) -> dict[str, Any]:
    """What Acme holds of a customer: one name, one phone number (mobile first, E.164)."""
    customer = command.customer
    if customer is None:
        raise ValueError("a create or update carries a customer")
    return {
        "name": f"{customer.first_name} {customer.last_name}".strip(),
        "email": customer.email,
        "phone": customer.mobile_e164 or customer.phone_e164,
    }


def request(command: Command, base_url: str) -> HttpRequest:
    """The request that carries a command out; credentials are added where it is sent."""
    match command.operation:
        case Operation.CREATE:
            return _with_json("POST", f"{base_url}/recipients", recipient(command) | {"reference": command.reference})
        case Operation.UPDATE:
            return _with_json("PATCH", _place(base_url, command), recipient(command))
        case Operation.DELETE:
            return HttpRequest("DELETE", _place(base_url, command))


def look_up(reference: str, base_url: str) -> HttpRequest:
    """The request that finds an object by our reference."""
    return HttpRequest("GET", f"{base_url}/recipients?reference={quote(reference)}")


def read(remote: RemoteRef, base_url: str) -> HttpRequest:
    """The request that reads an object."""
    return HttpRequest("GET", f"{base_url}/recipients/{quote(remote.value)}")


def _place(base_url: str, command: Command) -> str:
    # A create is not settled before its id is known, and `find` gives it where it was lost: there always is one.
    return f"{base_url}/recipients/{quote(command.remote.value if command.remote else 'unknown')}"


def _with_json(method: str, url: str, body: dict[str, Any]) -> HttpRequest:
    return HttpRequest(method, url, {"content-type": "application/json"}, json.dumps(body).encode())
