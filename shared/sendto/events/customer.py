"""The data of a customer's event, as every producer must send it.

These models are the law: the published JSON Schema is generated from them. Types are strict (no number as a string),
unknown members are ignored, NUL and lone surrogates are refused because PostgreSQL refuses them.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, NaiveDatetime

ORDER_ID_MAX = 2**63 - 1

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
"""a timestamp of RFC 3339, its offset left to whoever wants one"""

PROVIDER_NAME = r"^[a-z0-9_-]{1,64}$"
"""What a provider may be called, in events and in the configuration."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _timestamp(value: Any) -> Any:  # noqa: ANN401 - before validation it is anything
    """A timestamp of RFC 3339; pydantic would take more: numbers in text, a space for the T."""
    if not isinstance(value, str):
        return value
    if not RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 timestamp")
    return datetime.fromisoformat(value.upper())


# Only NUL: a lone surrogate is no text to pydantic, and its range would hit emoji where patterns see UTF-16.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
ProviderName = Annotated[str, Field(pattern=PROVIDER_NAME)]
OrderId = Annotated[int, Field(ge=1, le=ORDER_ID_MAX)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
LocalMoment = Annotated[AwareDatetime | NaiveDatetime, BeforeValidator(_timestamp)]


class WireModel(BaseModel):
    """Base of everything on the topic: strict types, unknown members ignored, values never changed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Customer(WireModel):
    """The customer of an order. Phones are as the producer sent them, with their E.164 forms beside them."""

    first_name: Annotated[Text, Field(min_length=1, max_length=100), AfterValidator(_not_blank)]
    last_name: Annotated[Text, Field(max_length=100)]
    email: Annotated[Text, Field(max_length=254)] | None = None
    phone_number: Annotated[Text, Field(max_length=64)] | None = None
    mobile_number: Annotated[Text, Field(max_length=64)] | None = None
    phone_e164: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")] | None = None
    mobile_e164: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")] | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class Address(WireModel):
    """Where the order goes; `country` is ISO 3166 alpha-2."""

    address_1: Annotated[Text, Field(max_length=128)] | None = None
    address_2: Annotated[Text, Field(max_length=128)] | None = None
    city: Annotated[Text, Field(max_length=128)] | None = None
    state: Annotated[Text, Field(max_length=128)] | None = None
    postcode: Annotated[Text, Field(max_length=16)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None


class OrderSnapshot(WireModel):
    """What routing and adapters need to know of the order. `order_total` is in units of `currency` (ISO 4217)."""

    order_type: Literal["delivery", "collection"] | None = None
    location_id: Integer | None = None
    status_id: Integer | None = None
    order_date_time: LocalMoment | None = None
    comment: Text | None = None
    payment: Annotated[Text, Field(max_length=128)] | None = None
    total_items: Integer | None = None
    order_total: float | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    address: Address | None = None
    shipment_provider: ProviderName | list[ProviderName] | None = None

    @property
    def named_providers(self) -> tuple[str, ...]:
        """The providers that the event names, in order and once each; empty where the routes decide."""
        named = self.shipment_provider
        if named is None:
            return ()
        return (named,) if isinstance(named, str) else tuple(dict.fromkeys(named))


class CustomerData(WireModel):
    """The value of `customer.created` and `customer.updated`: the whole state of the order's customer."""

    order_id: OrderId
    customer: Customer
    order: OrderSnapshot | None = None
    changed: tuple[Text, ...] = ()


class DeletedData(WireModel):
    """The value of `customer.deleted`; a customer in it is ignored."""

    order_id: OrderId
    order: OrderSnapshot | None = None
