"""Trace context (W3C): honoured where it is well-formed, and passed on with the event."""

import re

from starlette.requests import Request
from starlette.types import Scope

from sendto.runtime.tracing import Kind, Span, Tracer

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
KEY = "traceparent"
"""where a request's scope holds it"""
_SERVER_ERROR = 500


def traceparent(request: Request) -> str | None:
    """What follows from this request carries: our span's context, or else the caller's."""
    found: str | None = request.scope.get(KEY)
    return found


def begin(scope: Scope, tracer: Tracer | None) -> Span | None:
    """Note the caller's `traceparent`, and begin a span below it; one that is malformed is as none."""
    given = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
    scope[KEY] = given if _TRACEPARENT.fullmatch(given) else None
    if tracer is None:
        return None
    span = tracer.begin(scope["method"], Kind.SERVER, parent=scope[KEY])
    scope[KEY] = span.traceparent
    return span


def end(span: Span, scope: Scope, status: int) -> None:
    """The request was answered. Of its address the span tells the route and the order's id, no more."""
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        span.name(f"{scope['method']} {route}")
    span.tell(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "sendto.request_id": scope["request_id"],
            "sendto.order_id": scope.get("path_params", {}).get("order_id"),
        }
    )
    span.end(failed="server error" if status >= _SERVER_ERROR else None)
