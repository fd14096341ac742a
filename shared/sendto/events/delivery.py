"""Delivery events: what became of an order's customer at a provider, for upstream systems. No personal data."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sendto.events.customer import OrderId, ProviderName, Text, WireModel
from sendto.events.envelope import ORDERVERSION_MAX

DISPATCHER_SOURCE = "/sendto/dispatcher"
"""`source` of the delivery events"""


class DeliveryType(StrEnum):
    """What can be told of an order."""

    APPLIED = "delivery.applied"
    REMOVED = "delivery.removed"
    DEAD = "delivery.dead"
    UNROUTED = "delivery.unrouted"


class DeliveryData(WireModel):
    """The value of the delivery events: what became of an order's customer at a provider. No personal data."""

    order_id: OrderId
    source: Annotated[Text | None, Field(description="of the order's events")] = None
    provider: Annotated[ProviderName | None, Field(description="null in delivery.unrouted")] = None
    orderversion: Annotated[int, Field(ge=0, le=ORDERVERSION_MAX)] | None = None
    attempts: Annotated[int, Field(ge=0)] | None = None
    remote_ref: Annotated[Text | None, Field(description="the provider's own id")] = None
    reason: Annotated[Text | None, Field(description="a code")] = None
