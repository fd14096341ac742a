"""Writing orders: what changes, what is emitted."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import Request

from sendto.events.envelope import EventType
from sendto.runtime.database import Connection
from sendto_api.customers.service import order_not_found
from sendto_api.http.conditions import check_if_match, etag
from sendto_api.http.idempotency import Answer
from sendto_api.orders import store
from sendto_api.orders.rules import new_order, patched_order
from sendto_api.orders.schemas import OrderBody, OrderPatch, order_object
from sendto_api.outbox.events import EventSettings, NewEvent, changed_paths, customer_event, order_snapshot


@dataclass(frozen=True, slots=True)
class OrderService:
    """The writes of orders; each runs in the caller's transaction."""

    connection: Connection
    request: Request
    settings: EventSettings
    default_currency: str

    async def create(self, body: OrderBody) -> Answer:
        """POST: 201 with the whole object; the customer with it, if there is one in the body."""
        fresh = await store.fresh(self.connection)
        client = self.request.client
        order = new_order(
            body,
            order_id=fresh.order_id,
            now=fresh.now,
            zone=self.settings.time_zone,
            currency=self.default_currency,
            ip=client.host if client else None,
            agent=self.request.headers.get("user-agent"),
        )
        customer = None
        if body.customer is not None:
            customer = body.customer.model_dump() | {"created_at": fresh.now, "updated_at": fresh.now}
        totals = [total.model_dump() for total in body.order_totals]
        found = store.Found(order, customer, fresh.now, fresh.version)
        event = self._event(EventType.CREATED, found, order, ["customer"]) if customer else None
        await store.insert_order(self.connection, fresh, order, totals=totals, customer=customer, event=event)
        made = await store.find(self.connection, fresh.order_id)
        if made is None:
            raise RuntimeError("the order that was just made is gone")
        location = f"{self.request.url.path.rstrip('/')}/{fresh.order_id}"
        return self._answer(HTTPStatus.CREATED, made.order, fresh.version, location)

    async def patch(self, order_id: int, body: OrderPatch) -> Answer:
        """PATCH: 200 with the whole object; an event if it alters what events carry and there is a customer."""
        found = await self._order(order_id)
        zone = self.settings.time_zone
        after = patched_order(found.order, body, now=found.now, zone=zone)
        if after == found.order:
            return self._answer(HTTPStatus.OK, found.order, found.order["version"])
        changed = changed_paths(order_snapshot(found.order, zone), order_snapshot(after, zone), "order")
        event = self._event(EventType.UPDATED, found, after, changed) if found.customer and changed else None
        await store.update_order(self.connection, found, after, event=event)
        made_address = after["address"] is not None and after["address"]["address_id"] is None
        after |= {"date_modified": found.now}
        if made_address:
            again = await store.find(self.connection, order_id)
            after = again.order if again else after
        return self._answer(HTTPStatus.OK, after, found.next_version)

    async def delete(self, order_id: int) -> Answer:
        """DELETE: 200; the customer goes with the order."""
        found = await self._order(order_id)
        deleted = store.Found(found.order, None, found.now, found.next_version)
        event = self._event(EventType.DELETED, deleted, found.order, ["customer"]) if found.customer else None
        await store.delete_order(self.connection, order_id, event=event)
        return Answer(HTTPStatus.OK, msgspec.json.encode({"id": order_id, "object": "order", "deleted": True}))

    async def _order(self, order_id: int) -> store.Found:
        found = await store.lock(self.connection, order_id)
        if found is None:
            raise order_not_found(order_id)
        check_if_match(self.request, found.order["version"])
        return found

    def _event(self, kind: EventType, found: store.Found, order: dict[str, Any], changed: list[str]) -> NewEvent:
        return customer_event(
            kind,
            order,
            found.customer,
            version=found.next_version,
            now=found.now,
            changed=changed,
            settings=self.settings,
            traceparent=self.request.headers.get("traceparent"),
        )

    def _answer(self, status: int, order: dict[str, Any], version: int, location: str | None = None) -> Answer:
        body = msgspec.json.encode(order_object(order, self.settings.time_zone))
        return Answer(status, body, etag(version), location)
