"""Sources of events: which were heard, and forgetting the versions that one has sent."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from sendto.runtime.database import Database
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.resetting import count_reset, reset
from sendto_dispatcher.store import sources as store
from sendto_dispatcher.store.changed import changed_orders, highest_order
from sendto_dispatcher.store.tokens import Bearer

Above = Annotated[int, Field(ge=-1, le=2**63 - 1)]


class SourceHeard(BaseModel):
    """A source that was heard lately."""

    source: str
    events: int
    """of the newest ten thousand"""
    last_taken_at: datetime


class ResetRequest(BaseModel):
    """Whose versions to forget: those above a number, else all."""

    source: str
    above: Above = -1


class OrdersConcerned(BaseModel):
    """How many orders an action concerns."""

    orders: int


class ChangedOrder(BaseModel):
    """An order as the dispatcher knows it."""

    order_id: int
    version: int
    present: bool
    changed_at: datetime


class ChangedOrders(BaseModel):
    """Some orders of a source, and the highest number of any of them that is known."""

    data: list[ChangedOrder]
    highest: int


class ChangedRequest(BaseModel):
    """Which orders: of a source, changed since then; `after_order_id` goes on after one of that moment."""

    source: str
    since: AwareDatetime
    after_order_id: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0


_PAGE_ORDERS = 1_000


def source_routes(database: Database, doors: Doors) -> APIRouter:
    """The routes under `/sources`."""
    routes = APIRouter(prefix="/sources", tags=["sources"])

    @routes.get("")
    async def sources(_: Annotated[Bearer, Depends(doors.reads)]) -> list[SourceHeard]:
        """The sources that were heard lately."""
        async with database.connection() as connection:
            return [SourceHeard.model_validate(row) for row in await store.heard_sources(connection)]

    @routes.get("/orders")
    async def orders(
        wanted: Annotated[ChangedRequest, Query()], _: Annotated[Bearer, Depends(doors.reads)]
    ) -> ChangedOrders:
        """The orders of a source that have changed since a moment, a thousand at a time."""
        async with database.connection() as connection:
            rows = await changed_orders(
                connection,
                wanted.source,
                since=wanted.since,
                after_order_id=wanted.after_order_id,
                limit=_PAGE_ORDERS,
            )
            highest = await highest_order(connection, wanted.source)
        return ChangedOrders(data=[ChangedOrder(**row) for row in rows], highest=highest)

    @routes.get("/reset/count")
    async def count(
        wanted: Annotated[ResetRequest, Query()], _: Annotated[Bearer, Depends(doors.reads)]
    ) -> OrdersConcerned:
        """How many orders a reset would concern."""
        return OrdersConcerned(orders=await count_reset(database, wanted.source, above=wanted.above))

    @routes.post("/reset")
    async def reset_(body: ResetRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> OrdersConcerned:
        """Forget the known versions of a source that sent absurd ones: its next event counts, whatever its version."""
        return OrdersConcerned(orders=await reset(database, bearer, body.source, above=body.above))

    return routes
