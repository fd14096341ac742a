"""Writing the customer of an order: what changes, what is emitted."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request

from sendto.events.envelope import EventType
from sendto_api.customers.schemas import WRITABLE, CustomerBody, CustomerPatch, customer_object
from sendto_api.http.conditions import check_if_match, etag, refuse_if_none_match
from sendto_api.http.idempotency import Answer
from sendto_api.http.problems import Problem
from sendto_api.http.statement import Statement
from sendto_api.http.traces import traceparent
from sendto_api.http.turns import Turn
from sendto_api.orders.store import Found, lock, write_customer
from sendto_api.outbox.events import EventSettings, NewEvent, changed_paths, customer_event


def order_not_found(order_id: int) -> Problem:
    """404: there is no such order."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no order {order_id}.", code="order_not_found")


def customer_not_found(order_id: int) -> Problem:
    """404: the order has no customer."""
    return Problem(HTTPStatus.NOT_FOUND, f"Order {order_id} has no customer.", code="customer_not_found")


@dataclass(frozen=True, slots=True)
class CustomerService:
    """The writes of the customer singleton; each is one turn at the database."""

    turn: Turn
    request: Request
    settings: EventSettings

    async def create(self, order_id: int, body: CustomerBody) -> Answer:
        """POST: 201, or 409 where there is one."""
        found = await self._order(order_id)
        check_if_match(self.request, found.order["version"])
        if found.customer is not None:
            refuse_if_none_match(self.request, found.order["version"])
            headers = {"Location": self._location(order_id)}
            detail = f"Order {order_id} has a customer already."
            raise Problem(HTTPStatus.CONFLICT, detail, code="customer_exists", headers=headers)
        return await self._store(found, body.model_dump(), EventType.CREATED, HTTPStatus.CREATED)

    async def replace(self, order_id: int, body: CustomerBody) -> Answer:
        """PUT: 201 where there was none, else 200."""
        found = await self._order(order_id)
        there = found.order["version"] if found.customer is not None else None
        check_if_match(self.request, there)
        refuse_if_none_match(self.request, there)
        if found.customer is None:
            return await self._store(found, body.model_dump(), EventType.CREATED, HTTPStatus.CREATED)
        return await self._change(found, found.customer, body.model_dump())

    async def patch(self, order_id: int, body: CustomerPatch) -> Answer:
        """PATCH: 200 with the whole object."""
        found = await self._order(order_id)
        customer = self._customer(found)
        return await self._change(found, customer, body.apply_to(customer))

    async def delete(self, order_id: int) -> Answer:
        """DELETE: 200 with the body `1`."""
        found = await self._order(order_id)
        self._customer(found)
        event = self._event(EventType.DELETED, found, None, ["customer"])
        return await self.turn.finish(write_customer(found, None, event), Answer(HTTPStatus.OK, b"1"))

    async def _order(self, order_id: int) -> Found:
        found = await lock(self.turn, order_id)
        if found is None:
            raise order_not_found(order_id)
        return found

    def _customer(self, found: Found) -> dict[str, Any]:
        """The customer that a write changes, if its conditions hold."""
        if found.customer is None:
            raise customer_not_found(found.order["order_id"])
        check_if_match(self.request, found.order["version"])
        refuse_if_none_match(self.request, found.order["version"])
        return found.customer

    async def _change(self, found: Found, customer: dict[str, Any], members: dict[str, Any]) -> Answer:
        """Store what differs; without an effective change nothing is written and nothing is emitted."""
        order_id = found.order["order_id"]
        if all(customer[name] == members[name] for name in WRITABLE):
            body = msgspec.json.encode(customer_object(order_id, customer))
            return await self.turn.finish(Statement(), Answer(HTTPStatus.OK, body, etag(found.order["version"])))
        return await self._store(found, members, EventType.UPDATED, HTTPStatus.OK)

    async def _store(self, found: Found, members: dict[str, Any], kind: EventType, status: int) -> Answer:
        order_id, before = found.order["order_id"], found.customer or {}
        customer = members | {"created_at": before.get("created_at", found.now), "updated_at": found.now}
        event = self._event(kind, found, customer, changed_paths(before, members, "customer"))
        location = self._location(order_id) if status == HTTPStatus.CREATED else None
        body = msgspec.json.encode(customer_object(order_id, customer))
        answer = Answer(status, body, etag(found.next_version), location)
        return await self.turn.finish(write_customer(found, customer, event), answer)

    def _event(self, kind: EventType, found: Found, customer: dict[str, Any] | None, changed: list[str]) -> NewEvent:
        return customer_event(
            kind,
            found.order,
            customer,
            version=found.next_version,
            now=found.now,
            changed=changed,
            settings=self.settings,
            traceparent=traceparent(self.request),
        )

    def _location(self, order_id: int) -> str:
        prefix = self.request.scope["path"].split("/orders", 1)[0]
        return f"{prefix}/orders/{order_id}/customer"
