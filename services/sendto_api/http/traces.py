"""Trace context (W3C): honoured where it is well-formed, and passed on with the event."""

import re

from fastapi import Request

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(request: Request) -> str | None:
    """The caller's `traceparent`; one that is malformed is as none, as the recommendation wants it."""
    given = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None
