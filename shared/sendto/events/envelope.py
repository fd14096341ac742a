"""A customer's event with the CloudEvents 1.0 attributes that the dispatcher uses, decoded and validated."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sendto.events.customer import Customer, OrderSnapshot

OUR_SOURCE = "/sendto/api"
"""`source` of the events that our own API emits."""

ORDERVERSION_MAX = 2**63 - 1


class EventType(StrEnum):
    """The types on the topic; another one is rejected."""

    CREATED = "customer.created"
    UPDATED = "customer.updated"
    DELETED = "customer.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerEvent:
    """One fact about the customer of an order.

    `customer` is set unless the customer was deleted. `order` is None where the producer did not send a snapshot:
    then the known one stays. `orderversion` is None where the producer did not carry one.
    """

    type: EventType
    id: str
    source: str
    order_id: int
    time: datetime | None = None
    orderversion: int | None = None
    customer: Customer | None = None
    order: OrderSnapshot | None = None
    changed: tuple[str, ...] = ()
    traceparent: str | None = None

    @property
    def present(self) -> bool:
        """Whether the order has a customer after this event."""
        return self.type is not EventType.DELETED
