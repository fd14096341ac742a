"""An order's story."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.moves import LanesMoved, move_order
from sendto_dispatcher.ops.personal import shown_customers
from sendto_dispatcher.ops.story import OrderStory, order_story
from sendto_dispatcher.store.story import order_rows
from sendto_dispatcher.store.tokens import Bearer

OrderId = Annotated[int, Path(ge=1, le=ORDER_ID_MAX)]


class CustomerShown(BaseModel):
    """The customer of one source's order, and the order's snapshot."""

    source: str
    customer: dict[str, Any]
    order_snapshot: dict[str, Any] | None


def order_routes(database: Database, doors: Doors, current: Current) -> APIRouter:
    """The routes under `/orders`."""
    routes = APIRouter(prefix="/orders", tags=["orders"])

    @routes.get("/{order_id}")
    async def order(order_id: OrderId, _: Annotated[Bearer, Depends(doors.reads)]) -> OrderStory:
        """Everything that is known of an order, and why it is where it is."""
        async with database.connection() as connection:
            return order_story(order_id, await order_rows(connection, order_id), current())

    @routes.post("/{order_id}/customer")
    async def customer(order_id: OrderId, bearer: Annotated[Bearer, Depends(doors.shows)]) -> list[CustomerShown]:
        """The customer of an order, personal data as it is: needs `personal:read`, and is recorded."""
        return [CustomerShown(**row) for row in await shown_customers(database, bearer, order_id)]

    @routes.post("/{order_id}/replay")
    async def replay_order(order_id: OrderId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> LanesMoved:
        """Deliver the order's newest state again to every provider of it."""
        return await move_order(database, order_id, bearer, "replay")

    @routes.post("/{order_id}/retry")
    async def retry_order(order_id: OrderId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> LanesMoved:
        """Try all lanes of the order now that wait for their next attempt."""
        return await move_order(database, order_id, bearer, "retry")

    return routes
