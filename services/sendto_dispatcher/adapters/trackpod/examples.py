"""Track-POD's answers in the form of its document, for rehearsals (pure)."""

from http import HTTPStatus

from sendto.sdk import Command, HttpRequest, HttpResponse, Operation
from sendto.sdk.translation import json_answer


def answer(command: Command, request: HttpRequest) -> HttpResponse:
    """What Track-POD answers if it holds no order before a create, and otherwise one; its id is our reference."""
    if command.operation is Operation.CREATE and request.method != "POST":
        return _told(HTTPStatus.NOT_FOUND)
    if request.method == "GET":
        return json_answer(HTTPStatus.OK, {"Id": command.reference})
    return _told(HTTPStatus.CREATED if request.method == "POST" else HTTPStatus.ACCEPTED)


def _told(status: HTTPStatus) -> HttpResponse:
    return json_answer(status, {"Status": int(status), "Title": status.phrase})
