"""`/v3/orders/{order_id}/waiting-events`: what was stored and is not on the topic yet."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from sendto_api.http.documentation import Operation, Success, reading
from sendto_api.http.requests import Site, path_id
from sendto_api.outbox.store import unpublished_of
from sendto_api.tokens.permissions import ORDERS_READ


class WaitingEvent(BaseModel):
    """An event that waits in the outbox; what it says of the customer is left out."""

    event_id: UUID
    type: str
    version: int
    occurred_at: datetime


class WaitingEvents(BaseModel):
    """The events of one order that wait, in the order in which they will be published."""

    data: list[WaitingEvent]


WAITING = Operation(
    id="listWaitingEvents",
    summary="Events of an order that are not published yet, also of one that was deleted",
    permission=ORDERS_READ,
    headers=("X-Request-Id",),
    successes=(
        Success(
            status=200,
            says="They, in the order in which they will be published; none where all are.",
            schema=WaitingEvents,
            example={"data": []},
        ),
    ),
    errors=reading(404),
)


def outbox_routes(site: Site, prefix: str) -> APIRouter:
    """Look at an order's part of the outbox."""
    routes = APIRouter(prefix=f"{prefix}/orders", tags=["orders"])

    @routes.get("/{order_id}/waiting-events", **WAITING.route())
    async def waiting(order_id: str, request: Request) -> WaitingEvents:
        await site.allow(request, ORDERS_READ)
        number = path_id(order_id)
        async with site.database.connection() as connection:
            rows = await unpublished_of(connection, number)
        return WaitingEvents(data=[WaitingEvent(**dict(row)) for row in rows])

    return routes
