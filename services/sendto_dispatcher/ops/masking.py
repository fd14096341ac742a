"""Requests as they may be shown: without secrets, and unless asked without what is of a person. Pure.

What is of a person is found by comparison: the same order is translated for a stranger, and what differs is masked.
However an adapter cuts, joins or rewrites a name or an address, it cannot show it this way.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from sendto.events.customer import Address
from sendto.sdk import Command, HttpRequest

MASK = "***"
_SHOWN_HEADERS = frozenset({"accept", "content-type", "idempotency-key", "webhook-id", "webhook-timestamp"})
_MISSING = object()
_TOKENS = re.compile(r"([/?&=])")


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
    """The request for people; `other` is the stranger's, None to show the person, too."""
    known = [secret for secret in secrets if secret]
    url = request.url if other is None else _masked_url(request.url, other.url)
    return RequestShown(
        method=request.method,
        url=_without(url, known),
        headers={
            name: _without(value, known) if name.lower() in _SHOWN_HEADERS else MASK
            for name, value in request.headers.items()
        },
        body=_body(request, other, known),
    )


def _body(request: HttpRequest, other: HttpRequest | None, secrets: list[str]) -> Any:  # noqa: ANN401 - JSON or text
    if not request.body:
        return None
    content = _json(request.body)
    if content is _MISSING:
        text = request.body.decode(errors="replace")
        return _without(text, secrets) if other is None or other.body == request.body else MASK
    return _leaves(content, content if other is None else _json(other.body), secrets)


def _json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body)
    except ValueError:
        return _MISSING


def _leaves(value: Any, other: Any, secrets: list[str]) -> Any:  # noqa: ANN401 - JSON
    """The value with every leaf masked that differs from the other's."""
    match value:
        case dict():
            others = other if isinstance(other, dict) else {}
            return {name: _leaves(inner, others.get(name, _MISSING), secrets) for name, inner in value.items()}
        case list():
            others_listed = other if isinstance(other, list) else []
            padded = [*others_listed, *[_MISSING] * len(value)]
            return [_leaves(inner, padded[number], secrets) for number, inner in enumerate(value)]
        case None:
            return None
        case str() if value == other:
            return _without(value, secrets)
        case _:
            return value if value == other else MASK


def _masked_url(url: str, other: str) -> str:
    mine, theirs = _TOKENS.split(url), _TOKENS.split(other)
    if len(mine) != len(theirs):
        return f"{'/'.join(url.split('/')[:3])}/{MASK}"
    return "".join(part if part == same else MASK for part, same in zip(mine, theirs, strict=True))


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
