"""What a request makes of an order: its time, its stamps, its defaults. Pure."""

import secrets
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sendto_api.http.problems import field_errors
from sendto_api.http.times import parse_moment
from sendto_api.orders.schemas import OrderBody, OrderPatch
from sendto_api.orders.store import PATCHED_COLUMNS
from sendto_api.outbox.events import ADDRESS_LINES

_HASH_BYTES = 16
_NEVER_NULL = frozenset({"first_name", "last_name", "email", "order_type", "comment", "currency", "order_date_time"})
_TIMES = ("status_updated_at", "assignee_updated_at")
_DATE, _TIME = slice(0, 10), slice(11, None)


def order_moment(body: OrderBody | OrderPatch, current: datetime, zone: str) -> datetime:
    """When the order is wanted: `order_date_time`, or `order_date` and `order_time`, over what it was.

    Raises:
        Problem: 422, one of them is no time, or they contradict each other.
    """
    whole = _parsed("order_date_time", body.order_date_time, zone)
    local = (whole or current).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    date, clock = local.date(), local.time()
    errors: dict[str, list[str]] = {}
    if body.order_date is not None:
        date = _naive("order_date", body.order_date[_DATE] + " 00:00:00", zone).date()
        if whole is not None and date != local.date():
            errors["order_date"] = ["contradicts order_date_time"]
    if body.order_time is not None:
        clock = _naive("order_time", "2000-01-01 " + body.order_time, zone).time()
        if whole is not None and clock != local.time():
            errors["order_time"] = ["contradicts order_date_time"]
    if errors:
        raise field_errors(errors)
    if whole is not None:
        return whole
    return datetime.combine(date, clock, tzinfo=ZoneInfo(zone))


def _naive(name: str, text: str, zone: str) -> datetime:
    moment = _parsed(name, text, zone)
    if moment is None:
        raise field_errors({name: ["is missing"]})
    return moment


def _parsed(name: str, text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, zone)
    except ValueError as error:
        raise field_errors({name: [str(error)]}) from None


def new_order(
    body: OrderBody, *, order_id: int, now: datetime, zone: str, currency: str, ip: str | None, agent: str | None
) -> dict[str, Any]:
    """The columns of a new order, with its `address`."""
    order = body.model_dump(exclude={"customer", "order_totals", "order_date", "order_time", *_TIMES})
    return order | {
        "order_id": order_id,
        "currency": body.currency or currency,
        "order_date_time": order_moment(body, now, zone),
        "status_updated_at": _parsed("status_updated_at", body.status_updated_at, zone)
        or (now if body.status_id is not None else None),
        "assignee_updated_at": _parsed("assignee_updated_at", body.assignee_updated_at, zone)
        or (now if body.assignee_id is not None or body.assignee_group_id is not None else None),
        "hash": secrets.token_hex(_HASH_BYTES),
        "ip_address": ip,
        "user_agent": agent[:512] if agent else None,
    }


def patched_order(order: dict[str, Any], body: OrderPatch, *, now: datetime, zone: str) -> dict[str, Any]:
    """The order after a PATCH. `null` leaves what cannot be null unchanged."""
    given = {name: getattr(body, name) for name in body.model_fields_set & set(PATCHED_COLUMNS)}
    changes = {name: value for name, value in given.items() if value is not None or name not in _NEVER_NULL}
    if body.model_fields_set & {"order_date_time", "order_date", "order_time"}:
        changes["order_date_time"] = order_moment(body, order["order_date_time"], zone)
    for name in _TIMES:
        if name in changes:
            changes[name] = _parsed(name, changes[name], zone)
    after = order | changes
    if "address" in body.model_fields_set:
        after["address"] = _address(order["address"], body)
    if after["status_id"] != order["status_id"] and "status_updated_at" not in changes:
        after["status_updated_at"] = now
    moved = any(after[name] != order[name] for name in ("assignee_id", "assignee_group_id"))
    if moved and "assignee_updated_at" not in changes:
        after["assignee_updated_at"] = now
    return after


def _address(current: dict[str, Any] | None, body: OrderPatch) -> dict[str, Any] | None:
    if body.address is None:
        return None
    lines = body.address.model_dump()
    if current is not None and all(current[name] == lines[name] for name in ADDRESS_LINES):
        return current
    return {"address_id": current["address_id"] if current else None} | lines
