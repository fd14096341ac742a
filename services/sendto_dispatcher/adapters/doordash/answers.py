"""What DoorDash's answers mean: its codes and reasons, not its words."""

from datetime import datetime
from http import HTTPStatus

from sendto.sdk import (
    AlreadyAbsent,
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

DUPLICATE = "duplicate_delivery_id"
CANCELLED = "cancelled"
_IN_PROGRESS = frozenset({"delivery_creation_in_progress", "duplicate_request"})
_REASONS = {
    "delivery_cancelled": "the delivery has been cancelled",
    "delivery_completed": "the delivery is completed",
    "delivery_picked_up": "the courier has the order already",
    "delivery_abandoned": "the delivery was abandoned",
    "update_window_closed": "a courier is assigned already",
    "cancellation_window_closed": "a courier is assigned already",
    "distance_too_long": "it is too far",
    "pickup_address_not_in_coverage": "DoorDash does not serve the place where the order is fetched",
    "delivery_address_not_in_coverage": "DoorDash does not serve the address",
    "outside_of_delivery_time": "DoorDash does not deliver at that time",
}
_FIELDS = frozenset(
    {
        "external_delivery_id",
        "dropoff_address",
        "dropoff_phone_number",
        "dropoff_instructions",
        "dropoff_contact_given_name",
        "dropoff_contact_family_name",
        "dropoff_time",
        "order_value",
        "pickup_address",
        "pickup_phone_number",
        "pickup_business_name",
        "pickup_external_business_id",
        "pickup_external_store_id",
    }
)


def outcome_of(
    reference: str, operation: Operation, response: HttpResponse, capabilities: Capabilities, *, now: datetime
) -> Outcome:
    """What an answer to a create, an update or a cancellation means."""
    outcome = classify(operation, capabilities, response, now=now)
    match outcome:
        case Applied():
            return _done(reference, operation, response)
        case Rejected() if response.status == HTTPStatus.CONFLICT:
            return _conflict(operation, response)
        case Rejected():
            return _rejected(response, outcome)
        case _:
            return outcome


def is_duplicate(response: HttpResponse) -> bool:
    """Whether a create was refused because the delivery is there."""
    return response.status == HTTPStatus.CONFLICT and json_object(response).get("code") == DUPLICATE


def _done(reference: str, operation: Operation, response: HttpResponse) -> Outcome:
    """A success names the delivery. A create may be answered with an earlier delivery, which is cancelled by now."""
    delivery = json_object(response)
    if delivery.get("external_delivery_id") != reference:
        return Transient("answer_unreadable", "DoorDash's answer does not name the delivery")
    if operation is Operation.DELETE:
        return Applied()
    if delivery.get("delivery_status") == CANCELLED:
        return Rejected("delivery_cancelled", _REASONS["delivery_cancelled"])
    return Applied(RemoteRef(reference))


def _conflict(operation: Operation, response: HttpResponse) -> Outcome:
    reason = str(json_object(response).get("reason"))
    if reason in _IN_PROGRESS:
        return Transient(reason, "DoorDash is still at work on it", nothing_done=True)
    if operation is Operation.DELETE and reason == "delivery_cancelled":
        return AlreadyAbsent()
    return _rejected(response, Rejected("http_409"))


def _rejected(response: HttpResponse, otherwise: Rejected) -> Rejected:
    body = json_object(response)
    reason = str(body.get("reason"))
    if reason in _REASONS:
        return Rejected(reason, _REASONS[reason])
    fields = {str(error.get("field")) for error in json_objects(body.get("field_errors"))} & _FIELDS
    if fields:
        return Rejected("validation_error", f"about {', '.join(sorted(fields))}")
    return otherwise
