"""What every request passes through: its id and trace, HEAD, a log line for a change, and the last net for bugs."""

import re
from time import monotonic
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sendto.kernel.ids import new_uuid
from sendto.runtime.logs import bound, logger
from sendto.runtime.tracing import Span, Tracer, trace_id
from sendto_api.http import traces
from sendto_api.http.metrics import RequestMetrics
from sendto_api.http.problems import unexpected

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


_log = logger(__name__)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestFrame:
    """Gives each request its id, answers HEAD as GET without the body, and turns a bug into a 500 problem."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, tracer: Tracer | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = _request_id(scope)
        span = traces.begin(scope, self._tracer)
        with bound(request_id=scope["request_id"], trace_id=trace_id(scope[traces.KEY])):
            started_s, status = monotonic(), 500
            head = scope["method"] == "HEAD"
            if head:
                scope["method"] = "GET"
            self._metrics.began(scope["method"])
            try:
                status = await self._answer(scope, receive, send, head=head)
            finally:
                self._ended(scope, span, status, monotonic() - started_s)

    def _ended(self, scope: Scope, span: Span | None, status: int, took_s: float) -> None:
        """Tell of it, by its route and never by its address."""
        method, route = scope["method"], getattr(scope.get("route"), "path", None)
        self._metrics.ended(method, route, status, took_s)
        if span is not None:
            traces.end(span, scope, status)
        if method not in _READS:
            _log.info("request", method=method, route=route, status=status, duration_ms=round(took_s * 1000, 1))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, head: bool) -> int:
        """Handle one request; the status of the answer."""
        scope["answer_headers"] = answer_headers = {"X-Request-Id": scope["request_id"]}
        status = 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(raw=message["headers"]).update(answer_headers)
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except Exception as error:
            if status:
                raise
            await unexpected(Request(scope), error)(scope, receive, framed)
        return status


def _request_id(scope: Scope) -> str:
    given: Any = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else str(new_uuid())


def answer_headers(request: Request) -> dict[str, str]:
    """Headers that the answer will carry, whatever it is."""
    headers: dict[str, str] = request.scope.setdefault("answer_headers", {})
    return headers
