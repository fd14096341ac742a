"""Karrio's answers in the form of its document, for rehearsals (pure)."""

from http import HTTPStatus

from sendto.sdk import Command, HttpRequest, HttpResponse, Operation
from sendto.sdk.translation import json_answer
from sendto_dispatcher.adapters.karrio.translate import label


def answer(command: Command, request: HttpRequest, number: int) -> HttpResponse:
    """What Karrio answers if it holds no address before a create, and otherwise one."""
    address = {"id": f"adr_{number}", "meta": {"label": label(command.reference)}}
    if request.method == "GET":
        found = [] if command.operation is Operation.CREATE else [address]
        return json_answer(HTTPStatus.OK, {"count": len(found), "results": found})
    return json_answer(HTTPStatus.CREATED if request.method == "POST" else HTTPStatus.OK, address)
