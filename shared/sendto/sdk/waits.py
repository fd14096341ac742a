"""How long a provider asks us to wait, from the headers in which providers say so.

Sources: RFC 9110 §10.2.3 (`Retry-After`: seconds or an HTTP date); the drafts of RateLimit header fields for HTTP, both
as one structured field (`RateLimit: "default";r=0;t=30`, `RateLimit: limit=10, remaining=0, reset=30`) and as three
(`RateLimit-Remaining`, `RateLimit-Reset`); and the `X-` forms of both, whose reset may also be a time.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_MAX_S = 86_400.0
"""No answer can make us wait longer than a day."""

_ASKS = ("retry-after", "x-retry-after")
_WINDOWS = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?", re.ASCII)
_REMAINING = re.compile(r"(?:^|[;,\s])(?:r|remaining)=([0-9]+)", re.ASCII)
_RESET = re.compile(r"(?:^|[;,\s])(?:t|reset)=([0-9]+)", re.ASCII)
_EPOCH_S = 1e9
"""a number of seconds beyond this, over thirty years, can only be a time"""
_EPOCH_MS = 1e12


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that the provider asks us to wait, within 0 … 86,400; None if it asks nothing that can be understood.

    Args:
        headers: the answer's, their names in lower case.
        now: aware; what times are compared with.
    """
    for name in _ASKS:
        seconds = _seconds(headers.get(name, ""), now)
        if seconds is not None:
            return seconds
    window = headers.get("ratelimit", "")
    if _is_spent(_found(_REMAINING, window)) and (reset := _found(_RESET, window)):
        return _seconds(reset, now)
    for prefix in _WINDOWS:
        if _is_spent(headers.get(f"{prefix}remaining")):
            seconds = _seconds(headers.get(f"{prefix}reset", ""), now)
            if seconds is not None:
                return seconds
    return None


def _is_spent(remaining: str | None) -> bool:
    """Whether a window has nothing left, as far as it says; one that has says nothing of waiting."""
    return remaining is None or not remaining.strip().strip("0")


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None


def _seconds(value: str, now: datetime) -> float | None:
    value = value.strip()
    seconds = _number(value, now) if _NUMBER.fullmatch(value) else _until(value, now)
    return None if seconds is None else min(max(seconds, 0.0), RETRY_AFTER_MAX_S)


def _number(value: str, now: datetime) -> float:
    """Seconds, or what is left until a time in seconds or milliseconds since 1970."""
    number = float(value)
    if number < _EPOCH_S:
        return number
    return (number / 1000 if number >= _EPOCH_MS else number) - now.timestamp()


def _until(value: str, now: datetime) -> float | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
