"""`/v3/orders/{order_id}/customer`, and the same below `/api`."""

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sendto_api.customers import documentation
from sendto_api.customers.schemas import CustomerBody, CustomerPatch, customer_object
from sendto_api.customers.service import CustomerService, customer_not_found, order_not_found
from sendto_api.http.calls import Call
from sendto_api.http.conditions import check_if_match, etag, not_modified
from sendto_api.http.idempotency import Answer
from sendto_api.http.requests import Site, order_id_of
from sendto_api.http.turns import Turn
from sendto_api.orders.store import find
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_READ


def customer_routes(site: Site, prefix: str) -> list[Call]:
    """The singleton's five calls."""
    path = f"{prefix}/orders/{{order_id}}/customer"

    async def read(request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        order_id = order_id_of(request)
        async with site.database.connection() as connection:
            found = await find(connection, order_id)
        if found is None:
            raise order_not_found(order_id)
        if found.customer is None:
            raise customer_not_found(order_id)
        version = found.order["version"]
        check_if_match(request, version)
        if not_modified(request, version):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag(version)})
        body = msgspec.json.encode(customer_object(order_id, found.customer))
        return Answer(HTTPStatus.OK, body, etag(version)).response()

    async def create(request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        order_id = order_id_of(request)
        body = call.model(CustomerBody)
        return await call.run(lambda turn: _service(site, turn, request).create(order_id, body))

    async def replace(request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        order_id = order_id_of(request)
        body = call.model(CustomerBody)
        return await call.run(lambda turn: _service(site, turn, request).replace(order_id, body))

    async def patch(request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        order_id = order_id_of(request)
        body = call.model(CustomerPatch)
        return await call.run(lambda turn: _service(site, turn, request).patch(order_id, body))

    async def delete(request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        order_id = order_id_of(request)
        return await call.run(lambda turn: _service(site, turn, request).delete(order_id))

    return [
        Call("GET", path, read, documentation.READ),
        Call("POST", path, create, documentation.CREATE),
        Call("PUT", path, replace, documentation.REPLACE),
        Call("PATCH", path, patch, documentation.CHANGE),
        Call("DELETE", path, delete, documentation.DELETE),
    ]


def _service(site: Site, turn: Turn, request: Request) -> CustomerService:
    return CustomerService(turn, request, site.event_settings)
