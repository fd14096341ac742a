"""What every request passes through: its id, HEAD, and the last net for bugs."""

import re
from typing import Any

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sendto.kernel.ids import new_uuid
from sendto_api.http.problems import unexpected

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


class RequestFrame:
    """Gives each request its id, answers HEAD as GET without the body, and turns a bug into a 500 problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = _request_id(scope)
        scope["answer_headers"] = answer_headers = {"X-Request-Id": scope["request_id"]}
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"
        started = False

        async def framed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(raw=message["headers"]).update(answer_headers)
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except Exception as error:
            if started:
                raise
            await unexpected(Request(scope), error)(scope, receive, framed)


def _request_id(scope: Scope) -> str:
    given: Any = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else str(new_uuid())
