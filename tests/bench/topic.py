"""A topic full of events that wait, as an upstream system would have published them."""

import random
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer
from infra.events import binary_headers

_BATCH_BYTES = 256 * 1024


def event_body(order_id: int, change: int) -> bytes:
    """The data of one event, of a usual size (about half a kilobyte)."""
    return (
        b'{"order_id":%d,"customer":{"first_name":"Ada","last_name":"Lovelace %d","email":"ada.lovelace@shop.test",'
        b'"phone_number":null,"mobile_number":"07777777777","phone_e164":null,"mobile_e164":"+447777777777",'
        b'"created_at":"2026-01-02T03:04:05.000000Z","updated_at":"2026-01-02T03:04:05.000000Z"},'
        b'"order":{"order_type":"delivery","location_id":1,"status_id":1,"order_date_time":"2026-01-03T13:13:00+01:00",'
        b'"comment":"","payment":"cod","total_items":3,"order_total":15.0449,"currency":"GBP","address":null,'
        b'"shipment_provider":null}}' % (order_id, change)
    )


def changes(orders: int, changes_each: int, *, seed: int = 1) -> Iterator[tuple[int, int]]:
    """(order, version) of every event: rounds over all orders, each round shuffled."""
    shuffled = random.Random(seed)  # noqa: S311 - the same load each time
    ids = list(range(1, orders + 1))
    for change in range(1, changes_each + 1):
        shuffled.shuffle(ids)
        for order_id in ids:
            yield order_id, change


async def fill(bootstrap_servers: str, topic: str, orders: int, changes_each: int = 1) -> None:
    """Write the events; returns when all are acknowledged."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        for order_id, version in changes(orders, changes_each):
            await producer.send(
                topic,
                key=str(order_id).encode(),
                value=event_body(order_id, version),
                headers=binary_headers("customer.updated", version),
            )
        await producer.flush()
    finally:
        await producer.stop()
