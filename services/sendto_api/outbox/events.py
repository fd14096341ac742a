"""From an order and its customer to the event that tells of them. Pure, but for the event's id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sendto.events.envelope import EventType
from sendto.events.phones import e164
from sendto.kernel.ids import new_uuid
from sendto_api.http.times import local_iso, utc_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event on its way into the outbox."""

    event_id: UUID
    order_id: int
    type: EventType
    version: int
    occurred_at: datetime
    value: str
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """What events need to know of the site."""

    time_zone: str
    default_region: str


def customer_event(
    kind: EventType,
    order: dict[str, Any],
    customer: dict[str, Any] | None,
    *,
    version: int,
    now: datetime,
    changed: list[str],
    settings: EventSettings,
    traceparent: str | None,
) -> NewEvent:
    """The event of a change: the order's snapshot and its customer as they are after it."""
    data: dict[str, Any] = {"order_id": order["order_id"]}
    if customer is not None:
        data["customer"] = _customer(customer, settings.default_region)
    data |= {"order": order_snapshot(order, settings.time_zone), "changed": changed}
    return NewEvent(
        event_id=new_uuid(),
        order_id=order["order_id"],
        type=kind,
        version=version,
        occurred_at=now,
        value=msgspec.json.encode(data).decode(),
        traceparent=traceparent,
    )


def _customer(customer: dict[str, Any], region: str) -> dict[str, Any]:
    names = ("first_name", "last_name", "email", "phone_number", "mobile_number")
    return {name: customer[name] for name in names} | {
        "phone_e164": e164(customer["phone_number"], region),
        "mobile_e164": e164(customer["mobile_number"], region),
        "created_at": utc_micros(customer["created_at"]),
        "updated_at": utc_micros(customer["updated_at"]),
    }


def order_snapshot(order: dict[str, Any], time_zone: str) -> dict[str, Any]:
    """What an event carries of the order; never hash, ip_address, user_agent."""
    address = order["address"]
    return {
        "order_type": order["order_type"],
        "location_id": order["location_id"],
        "status_id": order["status_id"],
        "order_date_time": local_iso(order["order_date_time"], time_zone),
        "comment": order["comment"],
        "payment": order["payment"],
        "total_items": order["total_items"],
        "order_total": float(order["order_total"]),
        "currency": order["currency"],
        "address": {name: address[name] for name in ADDRESS_LINES} if address else None,
        "shipment_provider": order["shipment_provider"],
    }


ADDRESS_LINES = ("address_1", "address_2", "city", "state", "postcode", "country")


def changed_paths(before: dict[str, Any], after: dict[str, Any], prefix: str) -> list[str]:
    """The dotted paths at which two snapshots differ."""
    return [f"{prefix}.{name}" for name in after if before.get(name) != after[name]]
