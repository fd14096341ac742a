"""Events as an upstream system would publish them: binary CloudEvents, key = order id."""

import json
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

SOURCE = "/shop/upstream"


class Upstream:
    """An upstream system that publishes customers' events.

    Args:
        producer: a started producer.
        topic: the events' topic.
        source: who it says it is.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, source: str = SOURCE) -> None:
        self.producer = producer
        self.topic = topic
        self._source = source

    async def put(self, order_id: int, version: int | None, *, kind: str = "updated", **customer: Any) -> None:
        """Publish `customer.created` or `customer.updated`; `order` in `customer` is the order's snapshot."""
        order = customer.pop("order", {"order_type": "delivery"})
        person = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@shop.test"} | customer
        data = {"order_id": order_id, "customer": person, "order": order}
        await self.publish(order_id, f"customer.{kind}", version, data)

    async def delete(self, order_id: int, version: int | None) -> None:
        """Publish `customer.deleted`."""
        await self.publish(order_id, "customer.deleted", version, {"order_id": order_id})

    async def publish(self, order_id: int, kind: str, version: int | None, data: Any) -> None:
        """Publish an event of any type and data."""
        headers = binary_headers(kind, version, self._source)
        await self.raw(str(order_id).encode(), json.dumps(data).encode(), headers)

    async def raw(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        """Publish a record as it is; its metadata."""
        return await self.producer.send_and_wait(self.topic, value=value, key=key, headers=headers)


def binary_headers(kind: str, version: int | None, source: str = SOURCE) -> list[tuple[str, bytes]]:
    """The headers of a binary CloudEvent."""
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_id": str(uuid4()),
        "ce_source": source,
        "ce_time": "2026-01-02T03:04:05Z",
    }
    if version is not None:
        headers["ce_orderversion"] = str(version)
    return [(name, value.encode()) for name, value in headers.items()]
