"""Requests as they may be shown: without secrets, and unless asked without what is of a person. Pure.

What is of a person is found by comparison: the same order is translated for a stranger, and what differs is masked.
However an adapter cuts, joins or rewrites a name or an address, it cannot show it this way.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from sendto.events.customer import Address
from sendto.sdk import Command, HttpRequest
from sendto.sdk.comparison import ABSENT, json_of, marked

MASK = "***"
_SHOWN_HEADERS = frozenset({"accept", "content-type", "idempotency-key", "webhook-id", "webhook-timestamp"})


class RequestShown(BaseModel):
    """One request, masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    """JSON where it is JSON, else text; null where there is none"""


def stranger(command: Command) -> Command:
    """The same command for somebody else."""
    if command.customer is None:
        return command
    customer = command.customer.model_copy(
        update={
            "first_name": "Sonstwer",
            "last_name": "Andersen-Fremd",
            "email": "sonstwer@elsewhere.example",
            "phone_number": "020 7946 0999",
            "mobile_number": "07700 900999",
            "phone_e164": "+442079460999",
            "mobile_e164": "+447700900999",
        }
    )
    order = command.order
    if order is not None:
        country = order.address.country if order.address else None
        elsewhere = Address(
            address_1="99 Anderswo Gasse", address_2="Hof 7", city="Irgendwo", postcode="ZZ9 9ZZ", country=country
        )
        order = order.model_copy(update={"comment": "anything else", "address": order.address and elsewhere})
    return replace(command, customer=customer, order=order)


def shown(request: HttpRequest, other: HttpRequest | None, secrets: Iterable[str]) -> RequestShown:
    """The request for people; `other` is the stranger's, the request itself to show the person, too."""
    known = [secret for secret in secrets if secret]
    masked = marked(request, other, MASK)
    return RequestShown(
        method=request.method,
        url=_without(masked.url, known),
        headers={
            name: _without(value, known) if name.lower() in _SHOWN_HEADERS else MASK
            for name, value in request.headers.items()
        },
        body=_body(masked.body, known),
    )


def _body(body: bytes, secrets: list[str]) -> Any:  # noqa: ANN401 - JSON or text
    if not body:
        return None
    content = json_of(body)
    return _without(body.decode(errors="replace"), secrets) if content is ABSENT else _cleaned(content, secrets)


def _cleaned(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {name: _cleaned(inner, secrets) for name, inner in value.items()}
        case list():
            return [_cleaned(inner, secrets) for inner in value]
        case str():
            return _without(value, secrets)
        case _:
            return value


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
