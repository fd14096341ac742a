"""Schemathesis learns what a JSON Schema cannot say. It loads this module by `SCHEMATHESIS_HOOKS`.

Our formats of times, as strategies; that three members which say the same time must not contradict each other; that an
`Idempotency-Key` belongs to one request; that only lists give cursors; that a version cannot be guessed (of the
conditions that are drawn, a quarter stays).
"""

from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from sendto_api.orders.cursors import read_cursor

_FIRST, _LAST = "1980-01-01", "2999-12-31"
_DAYS = st.dates().filter(lambda day: _FIRST <= day.isoformat() <= _LAST).map(str)
_CLOCKS = st.times().map(lambda clock: clock.isoformat("seconds"))
_OFFSETS = st.sampled_from(["", "", "Z", "+01:00", "-05:30"])
_MOMENTS = st.builds(
    lambda day, gap, clock, offset: f"{day}{gap}{clock}{offset}", _DAYS, st.sampled_from(" T"), _CLOCKS, _OFFSETS
)

schemathesis.openapi.format("order-date-time", st.one_of(_DAYS, _MOMENTS))
schemathesis.openapi.format("order-date", st.one_of(_DAYS, _DAYS.map(lambda day: f"{day} 00:00:00")))
schemathesis.openapi.format("order-time", _CLOCKS)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Make a good request one that can succeed."""
    del context, kwargs
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    headers, query, body = case.headers or {}, case.query or {}, case.body
    if isinstance(body, dict) and body.get("order_date_time") is not None:
        case.body = {name: value for name, value in body.items() if name not in {"order_date", "order_time"}}
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid4())
    for name in ("If-Match", "If-None-Match"):
        if len(headers.get(name, "")) % 4:
            del headers[name]
    if "cursor" in query:
        del query["sort" if _is_cursor(query["cursor"]) and "sort" in query else "cursor"]


def _is_cursor(text: Any) -> bool:
    try:
        read_cursor(text)
    except (ValueError, TypeError):
        return False
    return True
