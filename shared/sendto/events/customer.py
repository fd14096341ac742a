"""The data of a customer's event, as every producer must send it.

These models are the law: the published JSON Schema is generated from them. Types are strict (no number as a string),
unknown members are ignored, NUL and lone surrogates are refused because PostgreSQL refuses them.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime

ORDER_ID_MAX = 2**63 - 1

PROVIDER_NAME = r"^[a-z0-9_-]{1,64}$"
"""What a provider may be called, in events and in the configuration."""


def _storable(text: str) -> str:
    """Refuse what PostgreSQL cannot store as text: NUL, and code points of UTF-16's surrogates."""
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain a lone surrogate")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, AfterValidator(_storable)]
ProviderName = Annotated[str, Field(pattern=PROVIDER_NAME)]
OrderId = Annotated[int, Field(ge=1, le=ORDER_ID_MAX)]


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
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


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
    location_id: int | None = None
    status_id: int | None = None
    order_date_time: AwareDatetime | NaiveDatetime | None = None
    comment: Text | None = None
    payment: Annotated[Text, Field(max_length=128)] | None = None
    total_items: int | None = None
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
    changed: list[Text] = []


class DeletedData(WireModel):
    """The value of `customer.deleted`; a customer in it is ignored."""

    order_id: OrderId
    order: OrderSnapshot | None = None
