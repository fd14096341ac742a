"""`/v3/orders/{order_id}/waiting-events`: what was stored and is not on the topic yet."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from sendto_api.http.calls import Call
from sendto_api.http.documentation import Operation, Success, reading
from sendto_api.http.requests import Site, order_id_of
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


def outbox_routes(site: Site, prefix: str) -> list[Call]:
    """Look at an order's part of the outbox."""

    async def waiting(request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        order_id = order_id_of(request)
        async with site.database.connection() as connection:
            rows = await unpublished_of(connection, order_id)
        events = WaitingEvents(data=[WaitingEvent(**dict(row)) for row in rows])
        return Response(events.model_dump_json(), media_type="application/json")

    return [Call("GET", f"{prefix}/orders/{{order_id}}/waiting-events", waiting, WAITING)]
