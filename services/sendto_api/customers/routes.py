"""`/v3/orders/{order_id}/customer`, and the same below `/api`."""

from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request, Response

from sendto_api.customers import documentation
from sendto_api.customers.schemas import CustomerBody, CustomerPatch, customer_object
from sendto_api.customers.service import CustomerService, customer_not_found, order_not_found
from sendto_api.http.conditions import check_if_match, etag, not_modified
from sendto_api.http.idempotency import Answer
from sendto_api.http.requests import Site, path_id
from sendto_api.http.turns import Turn
from sendto_api.orders.store import find
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_READ


def customer_routes(site: Site, prefix: str) -> APIRouter:
    """The singleton's five calls."""
    routes = APIRouter(prefix=f"{prefix}/orders/{{order_id}}/customer", tags=["customer"])

    @routes.get("", **documentation.READ.route())
    async def read(order_id: str, request: Request) -> Response:
        await site.allow(request, ORDERS_READ)
        number = path_id(order_id)
        async with site.database.connection() as connection:
            found = await find(connection, number)
        if found is None:
            raise order_not_found(number)
        if found.customer is None:
            raise customer_not_found(number)
        version = found.order["version"]
        check_if_match(request, version)
        if not_modified(request, version):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag(version)})
        return Answer(
            HTTPStatus.OK, msgspec.json.encode(customer_object(number, found.customer)), etag(version)
        ).response()

    @routes.post("", **documentation.CREATE.route())
    async def create(order_id: str, request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        number = path_id(order_id)
        body = call.model(CustomerBody)
        return await call.run(lambda turn: _service(site, turn, request).create(number, body))

    @routes.put("", **documentation.REPLACE.route())
    async def replace(order_id: str, request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        number = path_id(order_id)
        body = call.model(CustomerBody)
        return await call.run(lambda turn: _service(site, turn, request).replace(number, body))

    @routes.patch("", **documentation.CHANGE.route())
    async def patch(order_id: str, request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        number = path_id(order_id)
        body = call.model(CustomerPatch)
        return await call.run(lambda turn: _service(site, turn, request).patch(number, body))

    @routes.delete("", **documentation.DELETE.route())
    async def delete(order_id: str, request: Request) -> Response:
        call = await site.write(request, CUSTOMER_WRITE)
        number = path_id(order_id)
        return await call.run(lambda turn: _service(site, turn, request).delete(number))

    return routes


def _service(site: Site, turn: Turn, request: Request) -> CustomerService:
    return CustomerService(turn, request, site.event_settings)
