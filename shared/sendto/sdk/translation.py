"""Small pure steps that most translations need."""

import json
from collections.abc import Mapping
from typing import Any

from sendto.events.customer import Customer
from sendto.sdk.commands import Command
from sendto.sdk.http import HttpRequest, HttpResponse


def customer_of(command: Command) -> Customer:
    """The customer of a create or update, which always has one."""
    if command.customer is None:
        raise ValueError("a create or update carries a customer")
    return command.customer


def full_name(customer: Customer) -> str:
    """First and last name as one text; the last one may be missing."""
    return f"{customer.first_name.strip()} {customer.last_name.strip()}".strip()


def phone(customer: Customer) -> str | None:
    """The one number for a provider that keeps one: in E.164 form, the mobile first."""
    return customer.mobile_e164 or customer.phone_e164


def cut(text: str | None, characters: int) -> str | None:
    """The text, no longer than so many characters; None where nothing is left of it."""
    return (text or "").strip()[:characters].rstrip() or None


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def json_request(method: str, url: str, headers: Mapping[str, str], body: object) -> HttpRequest:
    """A request with a JSON body."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpRequest(method, url, {**headers, "content-type": "application/json"}, content)


def json_answer(status: int, body: object) -> HttpResponse:
    """An answer with a JSON body, as examples of a provider's answers are."""
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())


def json_object(response: HttpResponse) -> dict[str, Any]:
    """The answer's JSON object; an empty one where it is no such thing."""
    body = response.json()
    return body if isinstance(body, dict) else {}


def json_objects(value: object) -> list[dict[str, Any]]:
    """The objects of a JSON list; none where it is no such thing."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
