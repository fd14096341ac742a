"""From a command to the sandbox's recipient and requests (pure)."""

import json
from typing import Any

from sendto.sdk import Command, HttpRequest, Operation


def recipient(command: Command) -> dict[str, Any]:
    """What the sandbox holds after a create or update, but for the version: phone as E.164, mobile first."""
    customer = command.customer
    if customer is None:
        raise ValueError("a create or update carries a customer")
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": customer.mobile_e164 or customer.phone_e164,
        "order": command.order.model_dump(mode="json") if command.order else None,
    }


def request(command: Command, base_url: str, headers: dict[str, str], *, by_post: bool) -> HttpRequest:
    """The request that carries the command out; a create may be a POST, which refuses a known reference."""
    place = f"{base_url}/v1/recipients/{command.reference}"
    headers = headers | {
        "idempotency-key": command.idempotency_key,
        "x-sendto-generation": str(command.generation),
        "x-sendto-attempt": str(command.attempt),
    }
    if command.operation is Operation.DELETE:
        return HttpRequest("DELETE", place, headers | _version_header(command))
    body = recipient(command) | {"reference": command.reference, "version": command.version}
    method, url = ("POST", f"{base_url}/v1/recipients") if by_post else ("PUT", place)
    return HttpRequest(method, url, headers | {"content-type": "application/json"}, json.dumps(body).encode())


def _version_header(command: Command) -> dict[str, str]:
    return {} if command.version is None else {"x-sendto-version": str(command.version)}
