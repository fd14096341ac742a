"""`/v3/orders` and `/api/orders`: the same orders."""

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sendto_api.customers.service import order_not_found
from sendto_api.http.calls import Call
from sendto_api.http.conditions import check_if_match, etag, not_modified
from sendto_api.http.idempotency import Answer
from sendto_api.http.requests import Site, order_id_of
from sendto_api.http.turns import Turn
from sendto_api.orders import documentation
from sendto_api.orders.list_store import page_of
from sendto_api.orders.listing import read_listing
from sendto_api.orders.pages import page_object
from sendto_api.orders.schemas import OrderBody, OrderPatch, order_object
from sendto_api.orders.service import OrderService
from sendto_api.orders.store import find
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_READ, ORDERS_WRITE


def order_routes(site: Site, prefix: str) -> list[Call]:
    """List, create, read, change, delete."""
    path = f"{prefix}/orders"
    zone = site.settings.time_zone

    async def list_(request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        listing = read_listing(request, zone)
        async with site.database.connection() as connection:
            total = None if listing.cursor else await site.totals.total(connection, listing.filters)
            beyond = total is not None and listing.offset >= total
            listed, more = ([], False) if beyond else await page_of(connection, listing, total)
        page = page_object(
            listing, listed, more=more, total=total, path=request.scope["path"], query=request.query_params, zone=zone
        )
        return Response(msgspec.json.encode(page), media_type="application/json")

    async def create(request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        body = call.model(OrderBody)
        if body.customer is not None:
            call.caller.require(CUSTOMER_WRITE)
        return await call.run(lambda turn: _service(site, turn, request).create(body), locks=False)

    async def read(request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        order_id = order_id_of(request)
        async with site.database.connection() as connection:
            found = await find(connection, order_id)
        if found is None:
            raise order_not_found(order_id)
        version = found.order["version"]
        check_if_match(request, version)
        if not_modified(request, version):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag(version)})
        return Answer(HTTPStatus.OK, msgspec.json.encode(order_object(found.order, zone)), etag(version)).response()

    async def patch(request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        order_id = order_id_of(request)
        body = call.model(OrderPatch)
        return await call.run(lambda turn: _service(site, turn, request).patch(order_id, body))

    async def delete(request: Request) -> Response:
        call = await site.write(request, ORDERS_WRITE)
        order_id = order_id_of(request)
        return await call.run(lambda turn: _service(site, turn, request).delete(order_id))

    return [
        Call("GET", path, list_, documentation.LIST),
        Call("POST", path, create, documentation.CREATE),
        Call("GET", f"{path}/{{order_id}}", read, documentation.READ),
        Call("PATCH", f"{path}/{{order_id}}", patch, documentation.CHANGE),
        Call("DELETE", f"{path}/{{order_id}}", delete, documentation.DELETE),
    ]


def _service(site: Site, turn: Turn, request: Request) -> OrderService:
    return OrderService(turn, request, site.event_settings, site.settings.default_currency)
