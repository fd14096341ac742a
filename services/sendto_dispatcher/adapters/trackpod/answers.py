"""What Track-POD's answers mean."""

from datetime import datetime
from http import HTTPStatus

from sendto.sdk import (
    Accepted,
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
from sendto.sdk.translation import json_object

MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""what a PUT answers to an order that is not there, or has been removed for good"""


def outcome_of(
    reference: str, operation: Operation, response: HttpResponse, capabilities: Capabilities, *, now: datetime
) -> Outcome:
    """What an answer means. A create is a PUT first, and a PUT that is not allowed there may be a wrong address."""
    if operation is Operation.UPDATE and response.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return Rejected("already_processed", "a driver has processed the order already")
    outcome = classify(operation, capabilities, response, now=now)
    match outcome:
        case Applied() if _contradicts(response):
            return Transient("answer_contradicts", "Track-POD's answer tells of an error inside a success")
        case Applied() if response.status == HTTPStatus.ACCEPTED:
            return Accepted(RemoteRef(reference))
        case Applied():
            return Applied(None if operation is Operation.DELETE else RemoteRef(reference))
        case Rejected() if operation is Operation.DELETE and response.status == HTTPStatus.BAD_REQUEST:
            return Rejected("already_processed", "the order has a delivery status already")
        case _:
            return outcome


def _contradicts(response: HttpResponse) -> bool:
    """Whether the body names another status than the answer's: `Status` repeats it."""
    status = json_object(response).get("Status")
    return isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST
