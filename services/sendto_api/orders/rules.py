"""What a request makes of an order: its time, its stamps, its defaults. Pure."""

import secrets
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sendto_api.http.problems import field_errors
from sendto_api.http.times import parse_clock, parse_date, parse_moment
from sendto_api.orders.schemas import OrderBody, OrderPatch
from sendto_api.orders.store import PATCHED_COLUMNS, Found, Fresh

_HASH_BYTES = 16
_MOST_AGENT = 512
_NEVER_NULL = frozenset({"first_name", "last_name", "email", "order_type", "currency", "order_date_time"})
_TIMES = ("status_updated_at", "assignee_updated_at")


def order_moment(body: OrderBody | OrderPatch, current: datetime, zone: str) -> datetime:
    """When the order is wanted: `order_date_time`, or `order_date` and `order_time`, over what it was.

    Raises:
        Problem: 422, they contradict each other.
    """
    whole = _parsed(body.order_date_time, zone)
    local = (whole or current).astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)
    day = parse_date(body.order_date) if body.order_date else local.date()
    clock = parse_clock(body.order_time) if body.order_time else local.time()
    wrong = {"order_date": day != local.date(), "order_time": clock != local.time()}
    if whole is not None and any(wrong.values()):
        raise field_errors({name: ["contradicts order_date_time"] for name, is_wrong in wrong.items() if is_wrong})
    moment = whole or datetime.combine(day, clock, tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC).replace(microsecond=0)


def _parsed(text: str | None, zone: str) -> datetime | None:
    return None if text is None else parse_moment(text, zone)


def new_order(
    body: OrderBody, fresh: Fresh, *, zone: str, currency: str, ip: str | None, agent: str | None
) -> dict[str, Any]:
    """A new order as it will be read, with its `address` and `order_totals`."""
    order = body.model_dump(exclude={"customer", "order_date", "order_time", *_TIMES})
    totals = zip(fresh.total_ids, order["order_totals"], strict=True)
    assigned = body.assignee_id is not None or body.assignee_group_id is not None
    return {"order_id": fresh.order_id, "version": fresh.version, **order} | {
        "currency": body.currency or currency,
        "order_date_time": order_moment(body, fresh.now, zone),
        "status_updated_at": _parsed(body.status_updated_at, zone) or (fresh.now if body.status_id else None),
        "assignee_updated_at": _parsed(body.assignee_updated_at, zone) or (fresh.now if assigned else None),
        "address": {"address_id": fresh.address_id} | order["address"] if order["address"] else None,
        "order_totals": sorted(
            ({"order_total_id": total_id, "order_id": fresh.order_id} | total for total_id, total in totals),
            key=lambda total: (total["priority"], total["order_total_id"]),
        ),
        "invoice_prefix": None,
        "invoice_date": None,
        "hash": secrets.token_hex(_HASH_BYTES),
        "ip_address": ip,
        "user_agent": _printable(agent)[:_MOST_AGENT] or None if agent else None,
        "date_added": fresh.now,
        "date_modified": fresh.now,
    }


def _printable(agent: str) -> str:
    return "".join(character for character in agent if character.isprintable())


def patched_order(found: Found, body: OrderPatch, *, zone: str) -> dict[str, Any]:
    """The order after a PATCH. `null` leaves what cannot be null unchanged."""
    order, now = found.order, found.now
    given = {name: getattr(body, name) for name in body.model_fields_set & set(PATCHED_COLUMNS)}
    changes = {name: value for name, value in given.items() if value is not None or name not in _NEVER_NULL}
    if body.model_fields_set & {"order_date_time", "order_date", "order_time"}:
        changes["order_date_time"] = order_moment(body, order["order_date_time"], zone)
    for name in _TIMES:
        if name in changes:
            changes[name] = _parsed(changes[name], zone)
    after = order | changes
    if "address" in body.model_fields_set:
        after["address"] = _address(found, body)
    if after["status_id"] != order["status_id"] and "status_updated_at" not in changes:
        after["status_updated_at"] = now
    moved = any(after[name] != order[name] for name in ("assignee_id", "assignee_group_id"))
    if moved and "assignee_updated_at" not in changes:
        after["assignee_updated_at"] = now
    return after


def _address(found: Found, body: OrderPatch) -> dict[str, Any] | None:
    if body.address is None:
        return None
    current = found.order["address"]
    address_id = current["address_id"] if current else found.new_address_id
    return {"address_id": address_id} | body.address.model_dump()
