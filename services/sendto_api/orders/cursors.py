"""Cursors: where a page of a sorted list ends, as a text that callers pass back. Pure.

A cursor holds the sort's name, its direction, and the last order's sort value and id. It is looked at closely before
it is used, and what it says could as well be said by filters: so it needs no secret.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from sendto_api.http.fields import ID_MAX, one_line

SORTS: dict[str, type] = {
    "order_id": int,
    "order_date_time": datetime,
    "date_added": datetime,
    "date_modified": datetime,
    "order_total": Decimal,
    "status_id": int,
    "last_name": str,
}
"""what lists can be sorted by, and the type of the value"""
_MOST_CHARACTERS = 1_024
_MOST_NAME = 100
_YEARS = range(1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list; ties go by the order id, in the same direction."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after one order in a sorted list."""

    sort: Sort
    value: Any
    order_id: int


def write_cursor(cursor: Cursor) -> str:
    """The cursor as text."""
    value = cursor.value
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="microseconds")
    packed = msgspec.json.encode([cursor.sort.name, cursor.sort.descending, value, cursor.order_id])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """What `write_cursor` wrote.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        packed = base64.b64decode(
            text[:_MOST_CHARACTERS].encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
        name, descending, value, order_id = msgspec.json.decode(packed, type=tuple[str, bool, str | int, int])
        cursor = Cursor(Sort(name, descending), _value(name, value), order_id)
    except (ValueError, KeyError, msgspec.DecodeError, binascii.Error, InvalidOperation):
        raise ValueError("is no cursor of a list") from None
    if not 1 <= order_id <= ID_MAX or write_cursor(cursor) != text:
        raise ValueError("is no cursor of a list")
    return cursor


def _value(name: str, value: str | int) -> Any:  # noqa: ANN401 - by the sort's type
    kind = SORTS[name]
    if kind is int:
        if not isinstance(value, int) or not 0 <= value <= ID_MAX:
            raise ValueError(name)
        return value
    if not isinstance(value, str):
        raise ValueError(name)  # noqa: TRY004 - all the same to the caller
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.year not in _YEARS:
            raise ValueError(name)
        return moment
    if kind is Decimal:
        return _amount(value)
    if len(value) > _MOST_NAME:
        raise ValueError(name)
    return str(one_line(value))


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or abs(amount) > ID_MAX:
        raise ValueError(text)
    return amount
