"""What Karrio's answers mean."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from sendto.sdk import (
    Ambiguous,
    Applied,
    Capabilities,
    HttpResponse,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Transient,
    classify,
)
from sendto.sdk.translation import json_object, json_objects

_STATE_ERROR = "state_error"


def outcome_of(operation: Operation, response: HttpResponse, capabilities: Capabilities, *, now: datetime) -> Outcome:
    """What an answer to a write means: a success names the address that it is about."""
    outcome = classify(operation, capabilities, response, now=now)
    match outcome:
        case Applied():
            return _done(operation, response)
        case Rejected() if response.status == HTTPStatus.CONFLICT and _STATE_ERROR in _codes(response):
            return Rejected(_STATE_ERROR, "the address is used by a shipment or an order already")
        case _:
            return outcome


def identifier(address: dict[str, Any]) -> str | None:
    """Karrio's id of an address."""
    found = address.get("id")
    return found if isinstance(found, str) and found else None


def _done(operation: Operation, response: HttpResponse) -> Outcome:
    body = json_object(response)
    found = identifier(body)
    if found is not None and "errors" not in body:
        return Applied() if operation is Operation.DELETE else Applied(RemoteRef(found))
    if operation is Operation.CREATE:
        return Ambiguous("answer_unreadable", "Karrio's answer does not name the address")
    return Transient("answer_unreadable", "Karrio's answer does not name the address")


def _codes(response: HttpResponse) -> set[str]:
    return {str(error.get("code")) for error in json_objects(json_object(response).get("errors"))}
