"""DoorDash's answers in the form of its documentation, for rehearsals (pure)."""

from http import HTTPStatus

from sendto.sdk import Command, HttpRequest, HttpResponse, Operation
from sendto.sdk.translation import json_answer


def answer(command: Command, request: HttpRequest) -> HttpResponse:
    """What DoorDash answers if it has no delivery before a create, and otherwise one; its id is our reference."""
    if command.operation is Operation.CREATE and request.method == "GET":
        return json_answer(HTTPStatus.NOT_FOUND, {"code": "unknown_delivery_id"})
    status = "cancelled" if command.operation is Operation.DELETE and request.method == "PUT" else "created"
    return json_answer(HTTPStatus.OK, {"external_delivery_id": command.reference, "delivery_status": status})
