"""Times in requests and answers: UTC with microseconds, or naive in the site's zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

NAIVE = "%Y-%m-%d %H:%M:%S"
MOMENT_FORMAT, DATE_FORMAT, CLOCK_FORMAT = "order-date-time", "order-date", "order-time"
"""our formats in JSON Schema"""
# Before 1972 there are zones whose offset has seconds, which RFC 3339 cannot write.
FIRST_YEAR, LAST_YEAR = 1980, 2999

LocalTime = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")]
"""a time in answers, in the site's zone"""
UtcTime = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        json_schema_extra={"format": "date-time"},
    ),
]
"""a time in answers, in UTC"""

_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_CLOCK}(?:(?<=:\d\d:\d\d)\.\d{{1,6}})?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_ONLY_DATE = re.compile(rf"({_DATE})(?:[T ]00:00(?::00)?)?", re.ASCII)
_ONLY_CLOCK = re.compile(_CLOCK, re.ASCII)
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def utc_micros(moment: datetime | None) -> str | None:
    """`2024-10-10T15:42:08.000000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def local_naive(moment: datetime | None, zone: str) -> str | None:
    """`2020-05-24 13:13:00`, in the site's zone."""
    return moment.astimezone(ZoneInfo(zone)).strftime(NAIVE) if moment else None


def local_iso(moment: datetime, zone: str) -> str:
    """`2024-10-11T13:13:00+01:00`, in the site's zone."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def parse_moment(text: str, zone: str, *, day_ends: bool = False) -> datetime:
    """A time of a request: naive ones are in the site's zone; of a date alone, the day's begin.

    Args:
        text: `2020-05-24 13:13:00`, `2020-05-24T12:13:00Z` and the like.
        zone: the site's.
        day_ends: take the last moment of a date alone.

    Raises:
        ValueError: it is no time.
    """
    if not _MOMENT.fullmatch(text):
        raise ValueError("is not a time such as 2020-05-24 13:13:00 or 2020-05-24T12:13:00Z")
    moment = _within_years(_iso(text))
    if day_ends and _ONLY_DATE.fullmatch(text) and ":" not in text:
        moment += _DAY - _TICK
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def parse_date(text: str) -> date:
    """`2020-05-24`, or as answers carry it, `2020-05-24 00:00:00`.

    Raises:
        ValueError: it is no date.
    """
    matched = _ONLY_DATE.fullmatch(text)
    if not matched:
        raise ValueError("is not a date such as 2020-05-24 or 2020-05-24 00:00:00")
    return _within_years(_iso(matched[1])).date()


def parse_clock(text: str) -> time:
    """`13:13:00` or `13:13`.

    Raises:
        ValueError: it is no time of day.
    """
    if not _ONLY_CLOCK.fullmatch(text):
        raise ValueError("is not a time of day such as 13:13:00 or 13:13")
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError("does not exist on a clock") from None


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("does not exist in the calendar") from None


def _within_years(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment
