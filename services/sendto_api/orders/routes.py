"""`/v3/orders` and `/api/orders`: the same orders."""

from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request, Response

from sendto_api.customers.service import order_not_found
from sendto_api.http.conditions import check_if_match, etag, not_modified
from sendto_api.http.idempotency import Answer
from sendto_api.http.requests import Site, path_id
from sendto_api.http.turns import Turn
from sendto_api.orders import documentation
from sendto_api.orders.list_store import page_of
from sendto_api.orders.listing import read_listing
from sendto_api.orders.pages import page_object
from sendto_api.orders.schemas import OrderBody, OrderPatch, order_object
from sendto_api.orders.service import OrderService
from sendto_api.orders.store import find
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_READ, ORDERS_WRITE


def order_routes(site: Site, prefix: str) -> APIRouter:
    """List, create, read, change, delete."""
    routes = APIRouter(prefix=f"{prefix}/orders", tags=["orders"])
    zone = site.settings.time_zone

    @routes.get("", **documentation.LIST.route())
    async def list_(request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        listing = read_listing(request, zone)
        async with site.database.connection() as connection:
            total = None if listing.cursor else await site.totals.total(connection, listing.filters)
            beyond = total is not None and listing.offset >= total
            listed, more = ([], False) if beyond else await page_of(connection, listing, total)
        page = page_object(
            listing, listed, more=more, total=total, path=request.url.path, query=request.query_params, zone=zone
        )
        return Response(msgspec.json.encode(page), media_type="application/json")

    @routes.post("", **documentation.CREATE.route())
    async def create(request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        body = call.model(OrderBody)
        if body.customer is not None:
            call.caller.require(CUSTOMER_WRITE)
        return await call.run(lambda turn: _service(site, turn, request).create(body), locks=False)

    @routes.get("/{order_id}", **documentation.READ.route())
    async def read(order_id: str, request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        number = path_id(order_id)
        async with site.database.connection() as connection:
            found = await find(connection, number)
        if found is None:
            raise order_not_found(number)
        version = found.order["version"]
        check_if_match(request, version)
        if not_modified(request, version):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag(version)})
        return Answer(HTTPStatus.OK, msgspec.json.encode(order_object(found.order, zone)), etag(version)).response()

    @routes.patch("/{order_id}", **documentation.CHANGE.route())
    async def patch(order_id: str, request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        number = path_id(order_id)
        body = call.model(OrderPatch)
        return await call.run(lambda turn: _service(site, turn, request).patch(number, body))

    @routes.delete("/{order_id}", **documentation.DELETE.route())
    async def delete(order_id: str, request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        number = path_id(order_id)
        return await call.run(lambda turn: _service(site, turn, request).delete(number))

    return routes


def _service(site: Site, turn: Turn, request: Request) -> OrderService:
    return OrderService(turn, request, site.event_settings, site.settings.default_currency)
