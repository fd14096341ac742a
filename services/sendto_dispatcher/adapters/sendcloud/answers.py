"""What Sendcloud's answers mean. The status alone misleads: some of its 400s pass."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sendto.sdk import (
    BATCH_REFUSED,
    Accepted,
    Capabilities,
    HttpResponse,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    classify,
)
from sendto.sdk.translation import json_object, json_objects

PROCESSING = "still processing a previous request"
"""an order is refused while an earlier request for it is being worked on; nothing but these words says so"""

_RETRY_PROCESSING_S = 1.0
_AGAIN = Transient(BATCH_REFUSED, "the whole request was refused, for another order or as such", nothing_done=True)
_INDEX = re.compile(r"\[(\d{1,3})\]")
_INTEGRATION = re.compile(r"\bintegration\b")
_CODES = frozenset(
    {
        "unknown_field",
        "invalid",
        "invalid_choice",
        "min_value",
        "required",
        "not_a_list",
        "non_field_errors",
        "validation_error",
    }
)
_FIELDS = frozenset(
    {
        "order_id",
        "order_number",
        "order_items",
        "notes",
        "total_price",
        "customer_details",
        "shipping_address",
        "name",
        "email",
        "phone_number",
        "address_line_1",
        "address_line_2",
        "postal_code",
        "city",
        "country_code",
    }
)


def saved(response: HttpResponse) -> dict[str, RemoteRef]:
    """Sendcloud's ids by our references, of the orders that it took."""
    entries = json_objects(json_object(response).get("data"))
    return {
        str(entry["order_id"]): RemoteRef(str(entry["id"]))
        for entry in entries
        if str(entry.get("id", "")).isdecimal() and "order_id" in entry
    }


def outcome_of(reference: str, response: HttpResponse, capabilities: Capabilities, *, now: datetime) -> Outcome:
    """What the answer to an upsert of one order means."""
    return outcomes_of([reference], response, capabilities, now=now)[0]


def outcomes_of(
    references: list[str], response: HttpResponse, capabilities: Capabilities, *, now: datetime
) -> list[Outcome]:
    """What the answer to an upsert of several orders means for each, in order."""
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        ids = saved(response)
        return [_taken(ids.get(reference)) for reference in references]
    if response.status == HTTPStatus.BAD_REQUEST:
        return _refused(references, _errors(response))
    outcome = classify(Operation.CREATE, capabilities, response, now=now)
    together = isinstance(outcome, Rejected) and len(references) > 1  # whose fault it is does not show
    return [_AGAIN if together else outcome] * len(references)


def _errors(response: HttpResponse) -> list[dict[str, Any]]:
    """The errors of an answer; the document allows one by itself, too."""
    errors = json_object(response).get("errors")
    return [errors] if isinstance(errors, dict) else json_objects(errors)


def _taken(remote: RemoteRef | None) -> Outcome:
    return Accepted(remote) if remote else Transient("answer_unreadable", "Sendcloud's answer does not name the order")


def _refused(references: list[str], errors: list[dict[str, Any]]) -> list[Outcome]:
    """All or nothing: the orders that are at fault are rejected, the others go again without them."""
    if any(PROCESSING in str(error.get("detail", "")).lower() for error in errors):
        busy = Transient("still_processing", retry_after_s=_RETRY_PROCESSING_S, nothing_done=True)
        return [busy] * len(references)
    if any(_INTEGRATION.search(_pointer(error)) for error in errors):
        return [Unauthorized("integration_unknown", "Sendcloud does not know the integration")] * len(references)
    if len(references) == 1:
        return [_rejected(errors)]
    return [_rejected(own) if (own := _about(number, errors)) else _AGAIN for number in range(len(references))]


def _about(number: int, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [error for error in errors if (index := _INDEX.search(_pointer(error))) and int(index[1]) == number]


def _rejected(errors: list[dict[str, Any]]) -> Rejected:
    """In words of ours: the code, if it is a documented one, and the fields, if they are some that we send."""
    code = next((code for error in errors if (code := str(error.get("code"))) in _CODES), None)
    fields = sorted({part for error in errors for part in re.split(r"\W", _pointer(error))} & _FIELDS)
    return Rejected(f"sendcloud_{code}" if code else "http_400", f"about {', '.join(fields)}" if fields else "")


def _pointer(error: dict[str, Any]) -> str:
    source = error.get("source")
    return str(source.get("pointer") or "") if isinstance(source, dict) else ""
