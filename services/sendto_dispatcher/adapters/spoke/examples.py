"""Spoke's answers in the form of its document, for rehearsals (pure)."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from sendto.sdk import Command, HttpRequest, HttpResponse, Operation
from sendto.sdk.translation import json_answer


def answer(command: Command, request: HttpRequest, number: int) -> HttpResponse:
    """What Spoke answers if it holds no stop before a create, and otherwise one that is on no plan."""
    stop = {"id": f"unassignedStops/stop{number}", "recipient": {"externalId": command.reference}}
    if request.method == "DELETE":
        return HttpResponse(HTTPStatus.NO_CONTENT)
    if request.method != "GET":
        return json_answer(HTTPStatus.OK, stop)
    stops: list[dict[str, Any]] = [] if command.operation is Operation.CREATE else [stop]
    if urlsplit(request.url).path.endswith("/unassignedStops"):
        return json_answer(HTTPStatus.OK, {"unassignedStops": stops})
    return json_answer(HTTPStatus.OK, {"stops": [{"unassignedStop": one} for one in stops]})
