"""Routes of orders: tried on an order that is described, and applied to all that are known."""

import json
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from sendto.events.customer import PROVIDER_NAME, Address, OrderSnapshot
from sendto.runtime.database import Database
from sendto_dispatcher.domain.explain import explain, route_words, unrouted_words
from sendto_dispatcher.domain.routing import UNROUTED
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.rerouter import Rerouter
from sendto_dispatcher.ops.route_actions import RouteActions
from sendto_dispatcher.ops.run_routes import BeforeId, Limit, Runs, run_routes
from sendto_dispatcher.ops.story import RuleStory
from sendto_dispatcher.store import reroutes as store
from sendto_dispatcher.store.route_count import RouteCount
from sendto_dispatcher.store.tokens import Bearer
from sendto_dispatcher.store.unrouted import unrouted_rows

ProviderName = Annotated[str, Field(pattern=PROVIDER_NAME)]


class DescribedOrder(BaseModel):
    """What routes look at in an order."""

    source: str = "/sendto/api"
    order_type: Literal["delivery", "collection"] | None = "delivery"
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$")] = None
    location_id: int | None = None
    payment: str | None = None
    shipment_provider: ProviderName | list[ProviderName] | None = None
    """providers that it names itself"""


class Routed(BaseModel):
    """Where the routes in force send an order, and why."""

    route: str
    providers: list[str]
    words: str
    rules: list[RuleStory]


class Way(BaseModel):
    """Orders that would go the same way."""

    leave: list[str]
    reach: list[str]
    orders: int


class RoutesCounted(BaseModel):
    """What applying the routes in force would move."""

    digest: str
    """of the configuration that was counted by"""
    known: int
    orders: int
    ways: list[Way]


class ApplyRequest(BaseModel):
    """Which configuration's routes to apply; not begun where more orders than `orders` would move by now."""

    digest: str
    orders: Annotated[int | None, Field(ge=0)] = None


class RoutesRun(BaseModel):
    """An application of the routes, and how far it is."""

    id: int
    token_name: str
    digest: str
    orders: int
    known: int
    looked_at: int
    routed: int
    lanes: int
    started_at: datetime
    ended_at: datetime | None
    cancelled_by: str | None
    stopped: str | None
    """why it was ended before its end, not by ops"""


class UnroutedOrder(BaseModel):
    """An order that goes nowhere, and what the routes look at in it."""

    order_id: int
    source: str
    version: int | None
    changed_at: datetime
    order_type: str | None
    country: str | None
    location_id: int | None
    payment: str | None


def route_routes(
    database: Database, doors: Doors, current: Current, actions: RouteActions, rerouter: Rerouter
) -> APIRouter:
    """The routes under `/routes`."""
    routes = APIRouter(prefix="/routes", tags=["routes"])

    @routes.post("/test")
    async def test(order: DescribedOrder, _: Annotated[Bearer, Depends(doors.reads)]) -> Routed:
        """Where an order like this would go, and which conditions of the other rules it does not meet."""
        told = explain(current().routing, _snapshot(order), order.source)
        words = unrouted_words(told) if told.route == UNROUTED else route_words(told)
        rules = [RuleStory.model_validate(rule, from_attributes=True) for rule in told.rules]
        return Routed(route=told.route, providers=list(told.providers), words=words, rules=rules)

    @routes.get("/unrouted")
    async def unrouted(
        _: Annotated[Bearer, Depends(doors.reads)],
        before_id: BeforeId = None,
        before_source: str = "",
        limit: Limit = 50,
    ) -> list[UnroutedOrder]:
        """Orders with a customer that go nowhere, the highest numbers first."""
        return await unrouted_orders(database, before_id=before_id, before_source=before_source, limit=limit)

    @routes.get("/count")
    async def count(_: Annotated[Bearer, Depends(doors.reads)]) -> RoutesCounted:
        """How many known orders the routes in force would move, and from where to where; takes some seconds."""
        configured, counted = await actions.count()
        return routes_counted(configured.digest, counted)

    @routes.post("/apply", status_code=HTTPStatus.CREATED)
    async def apply(body: ApplyRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> RoutesRun:
        """Route all known orders by the configuration of this digest, in small steps as the providers take them."""
        row = await actions.begin(bearer, body.digest, body.orders)
        rerouter.wake()
        return RoutesRun(**row)

    runs = Runs(
        shown=RoutesRun,
        rows=store.reroute_rows,
        row=store.reroute_row,
        cancel=actions.cancel,
        name="application of the routes",
        listed="When the routes were applied, newest first.",
        ended="End it where it is; orders that have moved stay where they are.",
    )
    run_routes(routes, "/runs", runs, database, doors)
    return routes


async def unrouted_orders(
    database: Database, *, before_id: int | None, before_source: str, limit: int
) -> list[UnroutedOrder]:
    """A page of the orders that go nowhere."""
    async with database.connection() as connection:
        rows = await unrouted_rows(connection, before_id=before_id, before_source=before_source, limit=limit)
    return [_unrouted(row) for row in rows]


def _unrouted(row: dict[str, Any]) -> UnroutedOrder:
    looked_at = json.loads(row.pop("routed_by") or "{}")
    country = looked_at.pop("address", {}).get("country")
    looked_at.pop("shipment_provider", None)
    unknown = dict.fromkeys(("order_type", "location_id", "payment"))
    return UnroutedOrder(**row, **unknown | looked_at, country=country)


def routes_counted(digest: str, counted: RouteCount) -> RoutesCounted:
    """A count as it is shown, the most orders first."""
    return RoutesCounted(
        digest=digest,
        known=counted.known,
        orders=counted.orders,
        ways=[
            Way(leave=list(leaves), reach=list(reaches), orders=orders)
            for (leaves, reaches), orders in counted.moves.most_common()
        ],
    )


def _snapshot(order: DescribedOrder) -> OrderSnapshot:
    described = order.model_dump(include={"order_type", "location_id", "payment", "shipment_provider"})
    return OrderSnapshot(**described, address=Address(country=order.country) if order.country else None)
