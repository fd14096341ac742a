"""The customer of an order, in requests and answers."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from sendto_api.http.fields import Body, Phone, email, text
from sendto_api.http.times import UtcTime, utc_micros

Name = Annotated[str, text(100)]
Email = Annotated[str, email(254)]

WRITABLE = ("first_name", "last_name", "email", "phone_number", "mobile_number")


class CustomerBody(Body):
    """A whole customer, as POST and PUT take it."""

    first_name: Name
    last_name: Name
    email: Email
    phone_number: Phone = None
    mobile_number: Phone = None


class CustomerPatch(Body):
    """Some members of a customer. `null` clears a phone, and leaves a name or the email unchanged."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: Email | None = None
    phone_number: Phone = None
    mobile_number: Phone = None

    def apply_to(self, customer: dict[str, Any]) -> dict[str, Any]:
        """The writable members after the change."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        changes = {name: value for name, value in given.items() if value is not None or name.endswith("_number")}
        return {name: customer[name] for name in WRITABLE} | changes


class CustomerObject(BaseModel):
    """The customer of an order."""

    order_id: int
    first_name: str
    last_name: str
    email: str
    phone_number: str | None
    mobile_number: str | None
    created_at: UtcTime
    updated_at: UtcTime
    href: Annotated[str, Field(pattern="^/orders/[0-9]+/customer$")]


def customer_object(order_id: int, customer: dict[str, Any]) -> dict[str, Any]:
    """The object, exactly its keys. `href` has no `/v3`."""
    return {
        "order_id": order_id,
        **{name: customer[name] for name in WRITABLE},
        "created_at": utc_micros(customer["created_at"]),
        "updated_at": utc_micros(customer["updated_at"]),
        "href": f"/orders/{order_id}/customer",
    }
