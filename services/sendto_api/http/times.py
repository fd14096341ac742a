"""Times as they stand in answers: UTC with microseconds, or naive in the site's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NAIVE = "%Y-%m-%d %H:%M:%S"


def utc_micros(moment: datetime | None) -> str | None:
    """`2024-10-10T15:42:08.000000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def local_naive(moment: datetime | None, zone: str) -> str | None:
    """`2020-05-24 13:13:00`, in the site's zone."""
    return moment.astimezone(ZoneInfo(zone)).strftime(NAIVE) if moment else None


def local_iso(moment: datetime, zone: str) -> str:
    """`2024-10-11T13:13:00+01:00`, in the site's zone."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def parse_moment(text: str, zone: str) -> datetime:
    """A time of a request: naive ones are in the site's zone.

    Raises:
        ValueError: it is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a time such as 2020-05-24 13:13:00 or 2020-05-24T12:13:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
