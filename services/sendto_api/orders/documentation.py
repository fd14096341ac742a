"""What the OpenAPI document says of the calls on orders."""

from typing import Any

from sendto_api.http.documentation import (
    CREATED_HEADERS,
    OBJECT_HEADERS,
    READ_HEADERS,
    WRITE_HEADERS,
    WRITTEN_HEADERS,
    Link,
    Operation,
    Schema,
    Success,
    reading,
    writing,
)
from sendto_api.http.fields import CONTROL, ID_MAX
from sendto_api.http.times import MOMENT_FORMAT
from sendto_api.orders.listing import (
    ENDS,
    INCLUDES,
    LIMIT_DEFAULT,
    LIMIT_MOST,
    PAGE_MOST,
    SEARCH_MOST,
    SEARCH_TOTAL_MOST,
    SORT_WORDS,
    STARTS,
)
from sendto_api.orders.pages import OrderPage
from sendto_api.orders.schemas import ORDER_TYPES, DeletedOrder, OrderBody, OrderObject, OrderPatch
from sendto_api.tokens.permissions import ORDERS_READ, ORDERS_WRITE

_ORDER_ID = {"order_id": "$response.body#/order_id"}
_SAME_ORDER = {"order_id": "$request.path.order_id"}
_ID = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
_MOMENT = {"type": "string", "format": MOMENT_FORMAT}

EXAMPLE: dict[str, Any] = {
    "order_id": 1,
    "customer_id": 1,
    "location_id": 1,
    "address_id": None,
    "first_name": "Tucker",
    "last_name": "Vega",
    "email": "vavur@mailinator.com",
    "telephone": "+1 (604) 376-2674",
    "comment": "",
    "notify": None,
    "order_type": "collection",
    "order_date_time": "2020-05-24 13:13:00",
    "order_date": "2020-05-24 00:00:00",
    "order_time": "13:13:00",
    "processed": True,
    "total_items": 3,
    "order_total": 15.0449,
    "currency": "GBP",
    "payment": "cod",
    "shipment_provider": None,
    "invoice_prefix": "INV-2020-00",
    "invoice_date": "2020-05-24T11:58:43.000000Z",
    "status_id": 3,
    "status_updated_at": "2020-05-24T11:58:43.000000Z",
    "assignee_id": None,
    "assignee_group_id": None,
    "assignee_updated_at": None,
    "hash": "7158b25ef2f10b151f87fc4d26b3b27d",
    "ip_address": "192.168.10.1",
    "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:76.0) Gecko/20100101 Firefox/76.0",
    "date_added": "2020-05-24 12:58:43",
    "date_modified": "2020-05-24 12:58:43",
    "order_totals": [],
    "address": None,
}
_LISTED = {name: value for name, value in EXAMPLE.items() if name != "address"}
_NEW = {
    "first_name": "Tucker",
    "last_name": "Vega",
    "email": "vavur@mailinator.com",
    "telephone": "+1 (604) 376-2674",
    "order_type": "delivery",
    "order_date_time": "2024-10-11 13:13:00",
    "total_items": 3,
    "order_total": 15.0449,
    "payment": "cod",
    "status_id": 1,
    "address": {"address_1": "1 High Street", "city": "London", "postcode": "SW1A 1AA", "country": "GB"},
    "order_totals": [{"code": "subtotal", "title": "Sub total", "value": 15.0449}],
    "customer": {
        "first_name": "John",
        "last_name": "Turcotte",
        "email": "john_turcotte@example.com",
        "mobile_number": "07777777777",
    },
}
_PAGE = {
    "data": [_LISTED],
    "links": {"first": "/v3/orders?page=1", "last": "/v3/orders?page=1", "prev": None, "next": None},
    "meta": {
        "current_page": 1,
        "from": 1,
        "last_page": 1,
        "path": "/v3/orders",
        "per_page": LIMIT_DEFAULT,
        "to": 1,
        "total": 1,
        "next_cursor": None,
    },
}


def _query(name: str, schema: Schema, says: str, **more: Any) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": schema} | more


def _several(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": 100}


_COMMAS = {"style": "form", "explode": False}
_SIZE = {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST}
# No schema here has a default: generated clients would send it, and it would go before what the caller asks for.
LIST_PARAMETERS = (
    _query("page", {"type": "integer", "minimum": 1, "maximum": PAGE_MOST}, "Which page; the first if it is left out."),
    _query("pageLimit", _SIZE, f"How many orders a page has; {LIMIT_DEFAULT} if it is left out."),
    _query("per_page", _SIZE, "The same as `pageLimit`, which goes before it."),
    _query("customer", _several(_ID), "Ids of customers (`customer_id`), separated by commas.", **_COMMAS),
    _query("location", _several(_ID), "Ids of locations, separated by commas.", **_COMMAS),
    _query("status", _several(_ID), "Ids of statuses, separated by commas.", **_COMMAS),
    _query("order_type", {"type": "string", "enum": list(ORDER_TYPES)}, "Only orders of this type."),
    _query("assignee", _ID, "Only orders assigned to this one."),
    _query(
        "search",
        {"type": "string", "maxLength": SEARCH_MOST, "pattern": f"^[^{CONTROL}]*$"},
        "An order's id, or a part of names, email or telephone; case does not matter, every character is literal."
        f" `meta.total` and page numbers go up to {SEARCH_TOTAL_MOST} orders, the cursor goes on.",
    ),
    _query(STARTS, _MOMENT, "The first `order_date_time` that is wanted."),
    _query(ENDS, _MOMENT, "The last `order_date_time` that is wanted; of a date alone, its whole day."),
    _query("modified_after", _MOMENT, "Only orders modified later than this."),
    _query("modified_before", _MOMENT, "Only orders modified no later than this."),
    _query(
        "sort",
        {"type": "string", "enum": list(SORT_WORDS)},
        "Without a direction: ascending. Ties go by the order id, in the same direction. Left out: `order_id desc`, or"
        " the cursor's; with a cursor no other is taken.",
    ),
    _query(
        "include",
        _several({"type": "string", "enum": list(INCLUDES)}),
        "What else each order has: its customer (null if there is none), its address, its statuses, oldest first.",
        **_COMMAS,
    ),
    _query(
        "cursor",
        {"type": "string", "maxLength": 1024},
        "`meta.next_cursor` of the page before. Costs the same at any depth; `page` is not looked at then.",
    ),
)

LIST = Operation(
    id="listOrders",
    summary="List orders",
    permission=ORDERS_READ,
    parameters=LIST_PARAMETERS,
    headers=("X-Request-Id",),
    successes=(
        Success(
            status=200,
            says="A page. A filter that nothing matches gives an empty one. A `meta.total` from 10,000 on may be some"
            " seconds old.",
            schema=OrderPage,
            example=_PAGE,
            links={
                "next_page": Link(operation="listOrders", parameters={"cursor": "$response.body#/meta/next_cursor"}),
            },
        ),
    ),
    errors=reading(400),
)
CREATE = Operation(
    id="createOrder",
    summary="Create an order, with its customer if the body has one",
    says="A body with `customer` also needs the permission `orders_customer_write`; without it nothing is made.",
    permission=ORDERS_WRITE,
    headers=("Idempotency-Key", "Prefer", "traceparent", "X-Request-Id"),
    body=OrderBody,
    body_examples={"with_customer": _NEW},
    successes=(
        Success(
            status=201,
            says="The order.",
            schema=OrderObject,
            example=EXAMPLE,
            headers=CREATED_HEADERS,
            links={
                name: Link(operation=operation, parameters=_ORDER_ID)
                for name, operation in {
                    "order": "getOrder",
                    "change": "updateOrder",
                    "delete": "deleteOrder",
                    "customer": "getCustomer",
                    "new_customer": "createCustomer",
                    "replaced_customer": "replaceCustomer",
                    "waiting_events": "listWaitingEvents",
                }.items()
            },
        ),
    ),
    errors=tuple(status for status in writing(415) if status != 412),  # noqa: PLR2004 - there is nothing to match yet
)
READ = Operation(
    id="getOrder",
    summary="Read an order",
    permission=ORDERS_READ,
    headers=READ_HEADERS,
    successes=(
        Success(status=200, says="The order.", schema=OrderObject, example=EXAMPLE, headers=OBJECT_HEADERS),
        Success(status=304, says="It is at the version that the caller has.", schema=None, headers=OBJECT_HEADERS),
    ),
    errors=reading(404, 412),
)
CHANGE = Operation(
    id="updateOrder",
    summary="Change some members of an order",
    says=(
        "Members that are left out stay. `null` clears what may be null and leaves the rest as it is. `address` is"
        " replaced as a whole. A change of status or assignee stamps its time unless that is given."
    ),
    permission=ORDERS_WRITE,
    headers=WRITE_HEADERS,
    body=OrderPatch,
    body_examples={"status": {"order_type": "delivery", "status_id": 4}},
    successes=(
        Success(
            status=200,
            says="The whole order.",
            schema=OrderObject,
            example=EXAMPLE | {"order_type": "delivery", "status_id": 4},
            headers=WRITTEN_HEADERS,
            links={"order": Link(operation="getOrder", parameters=_SAME_ORDER)},
        ),
    ),
    errors=writing(404, 415),
)
DELETE = Operation(
    id="deleteOrder",
    summary="Delete an order and its customer",
    permission=ORDERS_WRITE,
    headers=tuple(name for name in WRITE_HEADERS if name != "Prefer"),
    successes=(
        Success(
            status=200,
            says="It is gone.",
            schema=DeletedOrder,
            example={"id": 1, "object": "order", "deleted": True},
            headers=("Idempotency-Replayed",),
            links={"gone": Link(operation="getOrder", parameters=_SAME_ORDER)},
        ),
    ),
    errors=writing(404),
)
