"""Writing orders: what changes, what is emitted."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request

from sendto.events.envelope import EventType
from sendto_api.customers.service import order_not_found
from sendto_api.http.conditions import check_if_match, etag, refuse_if_none_match
from sendto_api.http.idempotency import Answer
from sendto_api.http.statement import Statement
from sendto_api.http.traces import traceparent
from sendto_api.http.turns import Turn
from sendto_api.orders import store
from sendto_api.orders.rules import new_order, patched_order
from sendto_api.orders.schemas import OrderBody, OrderPatch, order_object
from sendto_api.outbox.events import EventSettings, NewEvent, changed_paths, customer_event, order_snapshot


@dataclass(frozen=True, slots=True)
class OrderService:
    """The writes of orders; each is one turn at the database."""

    turn: Turn
    request: Request
    settings: EventSettings
    default_currency: str

    async def create(self, body: OrderBody) -> Answer:
        """POST: 201 with the whole object; the customer with it, if there is one in the body."""
        totals = len(body.order_totals)
        fresh = await store.fresh(self.turn, brings_address=body.address is not None, totals=totals)
        client = self.request.client
        order = new_order(
            body,
            fresh,
            zone=self.settings.time_zone,
            currency=self.default_currency,
            ip=client.host if client else None,
            agent=self.request.headers.get("user-agent"),
        )
        customer = None
        if body.customer is not None:
            customer = body.customer.model_dump() | {"created_at": fresh.now, "updated_at": fresh.now}
        found = store.Found(order, customer, fresh.now, fresh.version)
        event = self._event(EventType.CREATED, found, order, ["customer"]) if customer else None
        location = f"{self.request.scope['path']}/{fresh.order_id}"
        answer = self._answer(HTTPStatus.CREATED, order, fresh.version, location)
        return await self.turn.finish(store.insert_order(order, customer, event), answer)

    async def patch(self, order_id: int, body: OrderPatch) -> Answer:
        """PATCH: 200 with the whole object; an event if it alters what events carry and there is a customer."""
        found = await self._order(order_id, brings_address=body.address is not None)
        zone = self.settings.time_zone
        after = patched_order(found, body, zone=zone)
        if after == found.order:
            return await self.turn.finish(Statement(), self._answer(HTTPStatus.OK, after, after["version"]))
        changed = changed_paths(order_snapshot(found.order, zone), order_snapshot(after, zone), "order")
        event = self._event(EventType.UPDATED, found, after, changed) if found.customer and changed else None
        statement = store.update_order(found, after, event)
        answer = self._answer(HTTPStatus.OK, after | {"date_modified": found.now}, found.next_version)
        return await self.turn.finish(statement, answer)

    async def delete(self, order_id: int) -> Answer:
        """DELETE: 200; the customer goes with the order."""
        found = await self._order(order_id)
        deleted = store.Found(found.order, None, found.now, found.next_version)
        event = self._event(EventType.DELETED, deleted, found.order, ["customer"]) if found.customer else None
        body = msgspec.json.encode({"id": order_id, "object": "order", "deleted": True})
        return await self.turn.finish(store.delete_order(order_id, event), Answer(HTTPStatus.OK, body))

    async def _order(self, order_id: int, *, brings_address: bool = False) -> store.Found:
        found = await store.lock(self.turn, order_id, brings_address=brings_address)
        if found is None:
            raise order_not_found(order_id)
        check_if_match(self.request, found.order["version"])
        refuse_if_none_match(self.request, found.order["version"])
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
            traceparent=traceparent(self.request),
        )

    def _answer(self, status: int, order: dict[str, Any], version: int, location: str | None = None) -> Answer:
        body = msgspec.json.encode(order_object(order, self.settings.time_zone))
        return Answer(status, body, etag(version), location)
