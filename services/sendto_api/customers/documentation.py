"""What the OpenAPI document says of the calls on an order's customer."""

from typing import Any

from sendto_api.customers.schemas import CustomerBody, CustomerObject, CustomerPatch
from sendto_api.http.documentation import (
    CREATED_HEADERS,
    OBJECT_HEADERS,
    READ_HEADERS,
    WRITE_HEADERS,
    WRITTEN_HEADERS,
    Link,
    Operation,
    Success,
    reading,
    writing,
)
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_READ

_SAME_ORDER = {"order_id": "$request.path.order_id"}
_LINKS = {
    name: Link(operation=operation, parameters=_SAME_ORDER)
    for name, operation in {"customer": "getCustomer", "change": "updateCustomer", "delete": "deleteCustomer"}.items()
}
_BODY = {
    "first_name": "John",
    "last_name": "Turcotte",
    "email": "john_turcotte@example.com",
    "mobile_number": "07777777777",
}
_EXAMPLE: dict[str, Any] = {
    "order_id": 51342,
    "first_name": "John",
    "last_name": "Turcotte",
    "email": "john_turcotte@example.com",
    "phone_number": None,
    "mobile_number": "07777777777",
    "created_at": "2024-10-10T15:42:08.000000Z",
    "updated_at": "2024-10-10T15:42:08.000000Z",
    "href": "/orders/51342/customer",
}
_CHANGED = {"email": "new_email_address@example.com", "updated_at": "2024-11-10T07:21:23.000000Z"}
_MADE = Success(
    status=201,
    says="The new customer.",
    schema=CustomerObject,
    example=_EXAMPLE,
    headers=CREATED_HEADERS,
    links=_LINKS,
)

READ = Operation(
    id="getCustomer",
    summary="Read an order's customer",
    tag="customer",
    permission=ORDERS_READ,
    headers=READ_HEADERS,
    successes=(
        Success(status=200, says="The customer.", schema=CustomerObject, example=_EXAMPLE, headers=OBJECT_HEADERS),
        Success(status=304, says="It is at the version that the caller has.", schema=None, headers=OBJECT_HEADERS),
    ),
    errors=reading(404, 412),
)
CREATE = Operation(
    id="createCustomer",
    summary="Create an order's customer",
    says="Where there is one already the answer is 409, with its `Location`.",
    tag="customer",
    permission=CUSTOMER_WRITE,
    headers=WRITE_HEADERS,
    body=CustomerBody,
    body_examples={"customer": _BODY},
    successes=(_MADE,),
    errors=writing(404, 415),
)
REPLACE = Operation(
    id="replaceCustomer",
    summary="Create or replace an order's customer",
    says="`created_at` stays. What is the same as before changes nothing.",
    tag="customer",
    permission=CUSTOMER_WRITE,
    headers=WRITE_HEADERS,
    body=CustomerBody,
    body_examples={"customer": _BODY},
    successes=(
        Success(
            status=200,
            says="The customer after it.",
            schema=CustomerObject,
            example=_EXAMPLE,
            headers=WRITTEN_HEADERS,
            links=_LINKS,
        ),
        _MADE,
    ),
    errors=writing(404, 415),
)
CHANGE = Operation(
    id="updateCustomer",
    summary="Change some members of an order's customer",
    says="`null` clears a phone, and leaves a name or the email unchanged.",
    tag="customer",
    permission=CUSTOMER_WRITE,
    headers=WRITE_HEADERS,
    body=CustomerPatch,
    body_examples={"email": {"email": "new_email_address@example.com"}},
    successes=(
        Success(
            status=200,
            says="The whole customer.",
            schema=CustomerObject,
            example=_EXAMPLE | _CHANGED,
            headers=WRITTEN_HEADERS,
            links=_LINKS,
        ),
    ),
    errors=writing(404, 415),
)
DELETE = Operation(
    id="deleteCustomer",
    summary="Delete an order's customer",
    tag="customer",
    permission=CUSTOMER_WRITE,
    headers=tuple(name for name in WRITE_HEADERS if name != "Prefer"),
    successes=(
        Success(
            status=200,
            says="It is gone; the body is the number 1.",
            schema={"type": "integer", "const": 1},
            example=1,
            headers=("Idempotency-Replayed",),
            links={"gone": Link(operation="getCustomer", parameters=_SAME_ORDER)},
        ),
    ),
    errors=writing(404),
)
