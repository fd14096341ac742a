"""`/v1/deliveries`: whether an order has arrived, for upstream systems, with a token that may ask nothing else."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto_dispatcher.domain.verdict import LaneWord
from sendto_dispatcher.ops.bearers import requires
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.story import LaneStory, lane_story
from sendto_dispatcher.store.story import delivery_rows
from sendto_dispatcher.store.tokens import Bearer

OrderId = Annotated[int, Path(ge=1, le=ORDER_ID_MAX)]
_ARRIVED = frozenset({LaneWord.CONVERGED, LaneWord.UNCONFIRMED})


class Delivery(BaseModel):
    """Where an order's customer stands at one provider. No personal data."""

    provider: str
    source: str
    """who published the order"""
    state: LaneWord
    """`converged`: the provider holds the newest state"""
    arrived: bool
    """whether the provider holds the newest state, as far as it says"""
    present: bool
    """whether the provider should hold a customer; false after a deletion"""
    version: int | None
    """of the newest state; null where the producer carries none"""
    applied_version: int | None
    """of the state that the provider is known to hold"""
    since: datetime
    """when it arrived; else since when the provider has lacked the newest state"""
    reason: str | None
    """code of the last outcome that was no success"""


class Deliveries(BaseModel):
    """An order at all providers that it goes, or went, to; none where it is not routed."""

    order_id: int
    deliveries: list[Delivery]


def delivery_routes(database: Database, current: Current) -> APIRouter:
    """The one route; `current` tells the providers that this process serves now."""
    routes = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])
    reads = requires(database, "deliveries:read")

    @routes.get("/{order_id}", responses={404: {"description": "No event of this order was taken."}})
    async def deliveries(order_id: OrderId, _: Annotated[Bearer, Depends(reads)]) -> Deliveries:
        """Whether an order's customer has arrived: per provider the state, its version, since when, and the reason."""
        async with database.connection() as connection:
            known, lanes = await delivery_rows(connection, order_id)
        if not known:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"no event of order {order_id} was taken")
        configured = current()
        stories = [(lane_story(row, configured), row["changed_at"]) for row in lanes]
        return Deliveries(order_id=order_id, deliveries=[_delivery(story, changed) for story, changed in stories])

    return routes


def _delivery(lane: LaneStory, changed_at: datetime) -> Delivery:
    word = LaneWord(lane.state)
    return Delivery(
        provider=lane.provider,
        source=lane.source,
        state=word,
        arrived=word in _ARRIVED,
        present=lane.desired_present,
        version=lane.desired_version,
        applied_version=lane.applied_version,
        since=changed_at if lane.behind_since is None else lane.behind_since,
        reason=None if word in _ARRIVED else lane.reason,
    )
