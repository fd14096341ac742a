"""Sendcloud's answers in the form of its document, for rehearsals (pure)."""

from http import HTTPStatus

from sendto.sdk import Command, HttpRequest, HttpResponse, Operation
from sendto.sdk.translation import json_answer


def answer(command: Command, request: HttpRequest, number: int) -> HttpResponse:
    """What Sendcloud answers if it holds no order before a create, and otherwise one."""
    order = {"id": number, "order_id": command.reference}
    match request.method:
        case "GET":
            return json_answer(HTTPStatus.OK, {"data": [] if command.operation is Operation.CREATE else [order]})
        case "DELETE":
            return HttpResponse(HTTPStatus.NO_CONTENT)
        case "POST":
            return json_answer(HTTPStatus.CREATED, {"data": [order]})
        case _:
            return json_answer(HTTPStatus.OK, {"data": order})
