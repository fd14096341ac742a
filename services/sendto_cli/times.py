"""Moments as people write them on a command line, and read them there."""

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"^(\d+)(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, option: str, now: datetime | None = None) -> datetime:
    """A time: `90m` is so long ago (s, m, h, d), else an ISO 8601 time; one without an offset is in UTC.

    Raises:
        typer.BadParameter: it is neither.
    """
    now = now or datetime.now(UTC)
    try:
        if ago := _AGO.match(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        told = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither so long ago (90s, 15m, 2h, 3d) nor a time (2026-01-02T03:04:05Z)", param_hint=option
        ) from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def to_second(when: str | datetime) -> str:
    """A moment to the second, as verdicts tell it."""
    return _utc(when).strftime("%Y-%m-%d %H:%M:%S UTC")


def to_millisecond(when: str | datetime) -> str:
    """A moment to the millisecond, where many happen within a second."""
    at = _utc(when)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"


def _utc(when: str | datetime) -> datetime:
    return (datetime.fromisoformat(when) if isinstance(when, str) else when).astimezone(UTC)
