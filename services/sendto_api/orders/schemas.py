"""Orders in requests and answers."""

from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from sendto.events.customer import PROVIDER_NAME
from sendto_api.customers.schemas import CustomerBody, CustomerObject
from sendto_api.http.fields import (
    INT32_MAX,
    Body,
    Clock,
    Count,
    Country,
    Currency,
    Day,
    Id,
    Moment,
    Rule,
    Whole,
    email,
    lines_text,
    maybe_lines,
    maybe_text,
    one_line,
    one_of,
    text,
)
from sendto_api.http.times import LocalTime, UtcTime, local_naive, utc_micros

STATUSES = {1: "Received", 2: "Pending", 3: "Preparation", 4: "Delivery", 5: "Completed", 9: "Canceled"}
ORDER_TYPES = ("delivery", "collection")
_PLACES = 4
_MAX_AMOUNT = 999_999_999_999


def _known_status(status_id: int) -> int:
    if status_id not in STATUSES:
        raise ValueError(f"must be one of {', '.join(map(str, STATUSES))}")
    return status_id


def _amount(value: Any) -> Any:  # noqa: ANN401 - before validation it is anything
    """A JSON number as a decimal, by its shortest text."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports it as a field error
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _four_places(value: Decimal) -> Decimal:
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _PLACES:
        raise ValueError("has more than four decimal places")
    if abs(value) > _MAX_AMOUNT:
        raise ValueError(f"must lie within ±{_MAX_AMOUNT}")
    return value


Name = Annotated[str, text(48)]
Email = Annotated[str, email(96)]
OrderType = Annotated[Literal["delivery", "collection"], one_of(ORDER_TYPES)]
Telephone = Annotated[str | None, maybe_text(32)]
Comment = Annotated[str, lines_text(500)]
Line = Annotated[str | None, maybe_text(128)]
Lines = Annotated[str | None, maybe_lines(128)]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    AfterValidator(_four_places),
    WithJsonSchema({"type": "number", "minimum": -_MAX_AMOUNT, "maximum": _MAX_AMOUNT, "multipleOf": 10**-_PLACES}),
]
Status = Annotated[
    int, AfterValidator(_known_status), Whole, WithJsonSchema({"type": "integer", "enum": list(STATUSES)})
]
Provider = Annotated[
    Annotated[str, Field(pattern=PROVIDER_NAME)] | None,
    Rule(
        lambda value: one_line(value) or None if isinstance(value, str) else value,
        lambda value: value,
        {"type": ["string", "null"], "pattern": r"^ *([a-z0-9_-]{1,64} *)?$"},
    ),
]


class AddressBody(Body):
    """Where an order goes."""

    address_1: Lines = None
    address_2: Lines = None
    city: Line = None
    state: Line = None
    postcode: Annotated[str | None, maybe_text(16)] = None
    country: Country = None


class TotalBody(Body):
    """A line of an order's totals."""

    code: Annotated[str, text(128)]
    title: Annotated[str, text(128)]
    value: Amount
    priority: Annotated[int, Field(ge=-INT32_MAX - 1, le=INT32_MAX), Whole] = 0


class _Shared(Body):
    """What POST and PATCH both take."""

    telephone: Telephone = None
    comment: Comment = ""
    notify: bool | None = None
    order_date_time: Moment = None
    order_date: Day = None
    order_time: Clock = None
    location_id: Id | None = None
    status_id: Status | None = None
    status_updated_at: Moment = None
    assignee_id: Id | None = None
    assignee_group_id: Id | None = None
    assignee_updated_at: Moment = None
    address: AddressBody | None = None
    shipment_provider: Provider = None
    currency: Currency = None


class OrderBody(_Shared):
    """A new order."""

    first_name: Name
    last_name: Name
    email: Email
    order_type: OrderType
    customer_id: Id | None = None
    processed: bool = False
    total_items: Count = 0
    order_total: Amount = Decimal(0)
    payment: Line = None
    order_totals: Annotated[list[TotalBody], Field(max_length=100, default_factory=list)]
    customer: CustomerBody | None = None


class OrderPatch(_Shared):
    """Some members of an order."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: Email | None = None
    order_type: OrderType | None = None


class AddressObject(BaseModel):
    """Where an order goes, with its id."""

    address_id: int
    address_1: str | None
    address_2: str | None
    city: str | None
    state: str | None
    postcode: str | None
    country: str | None


class TotalObject(BaseModel):
    """A line of an order's totals."""

    order_total_id: int
    order_id: int
    code: str
    title: str
    value: float
    priority: int


class StatusObject(BaseModel):
    """A status that an order has had. `date_added` is in the site's time zone."""

    status_id: int
    comment: str | None
    notify: bool | None
    assignee_id: int | None
    date_added: LocalTime


class OrderSummary(BaseModel):
    """An order as lists carry it. Naive times are in the site's time zone, those with `Z` are UTC."""

    order_id: int
    customer_id: int | None
    location_id: int | None
    address_id: int | None
    first_name: str
    last_name: str
    email: str
    telephone: str | None
    comment: str
    notify: bool | None
    order_type: OrderType
    order_date_time: LocalTime
    order_date: LocalTime
    order_time: Annotated[str, Field(pattern=r"^[0-9]{2}:[0-9]{2}:[0-9]{2}$")]
    processed: bool
    total_items: int
    order_total: float
    currency: str
    payment: str | None
    shipment_provider: str | None
    invoice_prefix: str | None
    invoice_date: UtcTime | None
    status_id: int | None
    status_updated_at: UtcTime | None
    assignee_id: int | None
    assignee_group_id: int | None
    assignee_updated_at: UtcTime | None
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    ip_address: str | None
    user_agent: str | None
    date_added: LocalTime
    date_modified: LocalTime
    order_totals: list[TotalObject]


class OrderObject(OrderSummary):
    """An order with its address."""

    address: AddressObject | None


class ListedOrder(OrderSummary):
    """An order of a list, with what `include` asks for."""

    address: AddressObject | None = None
    customer: CustomerObject | None = None
    status_history: list[StatusObject] = []


class DeletedOrder(BaseModel):
    """The answer to a DELETE."""

    id: int
    object: Literal["order"]
    deleted: Literal[True]


def order_summary(order: dict[str, Any], zone: str) -> dict[str, Any]:
    """The object as lists carry it, without its address."""
    naive = local_naive(order["order_date_time"], zone) or ""
    body = {name: value for name, value in order.items() if name not in {"version", "address"}}
    return body | {
        "address_id": order["address"]["address_id"] if order["address"] else None,
        "order_date_time": naive,
        "order_date": f"{naive[:10]} {time().isoformat()}",
        "order_time": naive[11:],
        "order_total": float(order["order_total"]),
        "order_totals": [total | {"value": float(total["value"])} for total in order["order_totals"]],
        "invoice_date": utc_micros(order["invoice_date"]),
        "status_updated_at": utc_micros(order["status_updated_at"]),
        "assignee_updated_at": utc_micros(order["assignee_updated_at"]),
        "date_added": local_naive(order["date_added"], zone),
        "date_modified": local_naive(order["date_modified"], zone),
    }


def order_object(order: dict[str, Any], zone: str) -> dict[str, Any]:
    """The object as answers to single calls carry it."""
    return order_summary(order, zone) | {"address": order["address"]}


def status_object(status: dict[str, Any], zone: str) -> dict[str, Any]:
    """A line of an order's history; its time as PostgreSQL writes it in JSON."""
    return status | {"date_added": local_naive(datetime.fromisoformat(status["date_added"]), zone)}
