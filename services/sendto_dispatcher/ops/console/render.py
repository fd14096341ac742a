"""Templates to pages, with the headers that keep a page to itself."""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sendto_dispatcher.ops.glances import TroubleShown

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_HERE = Path(__file__).parent
_NOTHING = "\N{EN DASH}"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400

SYMBOLS = {
    "converged": "✓",
    "serving": "✓",
    "unconfirmed": "≈",
    "leased": "→",
    "due": "●",
    "waiting": "◔",
    "dead": "✖",
    "unknown": "?",
    "taken": "⊘",
    "unsupported": "⊘",
    "parked": "❚",
    "paused": "❚❚",
    "held": "✖",
    "down": "✖",
    "broken": "✖",
    "disabled": "❚",
    "shadow": "◌",
    "not configured": "❚",
    "released": "↻",
    "applied": "✓",
    "accepted": "≈",
    "already_absent": "✓",
    "counted": "✓",
    "folded": "✓",
    "transient": "↻",
    "rate_limited": "↻",
    "ambiguous": "?",
    "rejected": "✖",
    "unauthorized": "✖",
    "gone": "✖",
    "stale": "⊘",
    "repeated": "⊘",
}
"""a sign for each state, so that no page is read by its colours"""


class Renderer:
    """Renders pages, and the parts of them that are sent again when they change."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "span": span,
            "time": _time,
            "count": _count,
            "share": _share,
            "path": _path,
        }
        self._environment.globals |= {"symbols": SYMBOLS, "query": _query, "page_of": page_of}

    def page(self, template: str, status: int = HTTPStatus.OK, **context: Any) -> HTMLResponse:
        """A whole page."""
        text = self._environment.get_template(template).render(**context)
        return HTMLResponse(text, status_code=status, headers=HEADERS)

    def part(self, template: str, **context: Any) -> str:
        """A part of a page."""
        return self._environment.get_template(template).render(**context)


def span(seconds: float | None) -> str:
    """A length of time in one or two units."""
    if seconds is None:
        return _NOTHING
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def _time(moment: datetime | None) -> str:
    """A moment; the date only where it is not today's."""
    if moment is None:
        return _NOTHING
    told = moment.astimezone(UTC)
    return told.strftime("%H:%M:%S" if told.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M:%S")


def _count(number: float) -> str:
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _share(part: float | None) -> str:
    return _NOTHING if part is None else f"{part * 100:.0f} %"


_PAGES = {
    "events_rejected": ("/rejected", "rejected events"),
    "orders_unrouted": ("/unrouted", "orders that go nowhere"),
    "events_stale": ("/sources", "sources"),
    "configuration_refused": ("/configuration", "configuration"),
    "configuration_differs": ("/configuration", "configuration"),
}
"""where more is told of a trouble that is no provider's"""


def page_of(trouble: TroubleShown) -> tuple[str, str] | None:
    """Where more is told of a trouble, and how the link to it is named."""
    if trouble.provider is None:
        return _PAGES.get(trouble.name)
    kind, _, state = trouble.name.partition("_")
    if kind == "lanes":
        return f"/lanes?{_query(provider=trouble.provider, state=state)}", "these orders"
    return f"/providers/{_path(trouble.provider)}", trouble.provider


def _path(text: object) -> str:
    return quote(str(text), safe="")


def _query(**values: object) -> str:
    return urlencode({name: value for name, value in values.items() if value not in {None, ""}})
