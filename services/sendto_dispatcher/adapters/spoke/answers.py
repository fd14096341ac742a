"""What Spoke's answers mean."""

from datetime import datetime
from http import HTTPStatus

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
    Unauthorized,
    classify,
)
from sendto.sdk.translation import json_object
from sendto_dispatcher.adapters.spoke.translate import identifier

_CODES = {
    "feature_not_in_subscription": "the team's subscription does not include it",
    "vehicle_capacity_disabled": "the team's settings do not allow it",
    "plan_not_writable": "the stop is on a plan that is not to be changed any more",
}


def outcome_of(operation: Operation, response: HttpResponse, capabilities: Capabilities, *, now: datetime) -> Outcome:
    """What an answer to a write means."""
    outcome = classify(operation, capabilities, response, now=now)
    match outcome:
        case Applied():
            return _done(operation, response)
        case Rejected() | Unauthorized():
            code = str(json_object(response).get("code"))
            return Rejected(code, _CODES[code]) if code in _CODES else outcome
        case _:
            return outcome


def _done(operation: Operation, response: HttpResponse) -> Outcome:
    """A delete answers with nothing, everything else with the stop."""
    if operation is Operation.DELETE:
        done = response.status == HTTPStatus.NO_CONTENT or not response.body.strip()
        return Applied() if done else Transient("answer_unreadable", "Spoke's answer does not say that it was done")
    found = identifier(json_object(response))
    if found is not None:
        return Applied(RemoteRef(found))
    detail = "Spoke's answer does not name the stop"
    if operation is Operation.CREATE:
        return Ambiguous("answer_unreadable", detail)
    return Transient("answer_unreadable", detail)
