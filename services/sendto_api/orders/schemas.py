"""Orders in requests and answers."""

from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from sendto.events.customer import PROVIDER_NAME
from sendto_api.customers.schemas import CustomerBody
from sendto_api.http.fields import Body, EmailSyntax, Id, Lines, OneLine, Optional, Trimmed
from sendto_api.http.times import local_naive, utc_micros

STATUSES = {1: "Received", 2: "Pending", 3: "Preparation", 4: "Delivery", 5: "Completed", 9: "Canceled"}
_PLACES = 4
_MAX_AMOUNT = Decimal(999999999999)


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


def _country(value: str) -> str:
    if len(value) != 2 or not value.isascii() or not value.isalpha() or not value.isupper():  # noqa: PLR2004 - alpha-2
        raise ValueError("must be an ISO 3166 alpha-2 code")
    return value


def _comment(value: Any) -> Any:  # noqa: ANN401
    return value.strip() if isinstance(value, str) else value


Name = Annotated[str, Trimmed, Field(min_length=1, max_length=48), OneLine]
Email = Annotated[str, Trimmed, Field(min_length=1, max_length=96), OneLine, EmailSyntax]
OrderType = Literal["delivery", "collection"]
Telephone = Annotated[Annotated[str, Field(max_length=32), OneLine] | None, Optional]
Comment = Annotated[str, BeforeValidator(_comment), Field(max_length=500), Lines]
Line = Annotated[Annotated[str, Field(max_length=128), Lines] | None, Optional]
Amount = Annotated[Decimal, BeforeValidator(_amount), AfterValidator(_four_places)]
Status = Annotated[int, AfterValidator(_known_status)]
Provider = Annotated[Annotated[str, Field(pattern=PROVIDER_NAME)] | None, Optional]
Currency = Annotated[str, Trimmed, Field(pattern=r"^[A-Z]{3}$")]
Payment = Annotated[Annotated[str, Field(max_length=128), OneLine] | None, Optional]
Moment = Annotated[str, Trimmed, Field(min_length=1, max_length=40)]


class AddressBody(Body):
    """Where an order goes."""

    address_1: Line = None
    address_2: Line = None
    city: Line = None
    state: Line = None
    postcode: Annotated[Annotated[str, Field(max_length=16), OneLine] | None, Optional] = None
    country: Annotated[Annotated[str, AfterValidator(_country)] | None, Optional] = None


class TotalBody(Body):
    """A line of an order's totals."""

    code: Annotated[str, Trimmed, Field(min_length=1, max_length=128), OneLine]
    title: Annotated[str, Trimmed, Field(min_length=1, max_length=128), OneLine]
    value: Amount
    priority: Annotated[int, Field(ge=-(2**31), lt=2**31)] = 0


class _Shared(Body):
    """What POST and PATCH both take."""

    telephone: Telephone = None
    comment: Comment = ""
    notify: bool | None = None
    order_date_time: Moment | None = None
    order_date: Moment | None = None
    order_time: Moment | None = None
    location_id: Id | None = None
    status_id: Status | None = None
    status_updated_at: Moment | None = None
    assignee_id: Id | None = None
    assignee_group_id: Id | None = None
    assignee_updated_at: Moment | None = None
    address: AddressBody | None = None
    shipment_provider: Provider = None


class OrderBody(_Shared):
    """A new order."""

    first_name: Name
    last_name: Name
    email: Email
    order_type: OrderType
    customer_id: Id | None = None
    processed: bool = False
    total_items: Annotated[int, Field(ge=0, lt=2**31)] = 0
    order_total: Amount = Decimal(0)
    currency: Currency | None = None
    payment: Payment = None
    order_totals: Annotated[list[TotalBody], Field(max_length=100, default_factory=list)]
    customer: CustomerBody | None = None


class OrderPatch(_Shared):
    """Some members of an order."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: Email | None = None
    order_type: OrderType | None = None
    currency: Currency | None = None


class OrderObject(BaseModel):
    """An order. Naive times are in the site's time zone, those with `Z` are UTC."""

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
    order_date_time: str
    order_date: str
    order_time: str
    processed: bool
    total_items: int
    order_total: float
    currency: str
    payment: str | None
    shipment_provider: str | None
    invoice_prefix: str | None
    invoice_date: str | None
    status_id: int | None
    status_updated_at: str | None
    assignee_id: int | None
    assignee_group_id: int | None
    assignee_updated_at: str | None
    hash: str
    ip_address: str | None
    user_agent: str | None
    date_added: str
    date_modified: str
    order_totals: list[dict[str, Any]]
    address: dict[str, Any] | None


def order_object(order: dict[str, Any], zone: str) -> dict[str, Any]:
    """The object as answers carry it."""
    local: datetime | None = order["order_date_time"]
    naive = local_naive(local, zone) or ""
    body = {name: value for name, value in order.items() if name != "version"}
    return body | {
        "address_id": order["address"]["address_id"] if order["address"] else None,
        "order_date_time": naive,
        "order_date": f"{naive[:10]} {time().isoformat()}",
        "order_time": naive[11:],
        "order_total": float(order["order_total"]),
        "invoice_date": utc_micros(order["invoice_date"]),
        "status_updated_at": utc_micros(order["status_updated_at"]),
        "assignee_updated_at": utc_micros(order["assignee_updated_at"]),
        "date_added": local_naive(order["date_added"], zone),
        "date_modified": local_naive(order["date_modified"], zone),
    }
