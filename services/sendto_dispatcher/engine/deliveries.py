"""Publishing delivery events, from their rows. Rule 9 of the dispatcher's rules."""

from aiokafka import AIOKafkaProducer

from sendto.events.delivery import DISPATCHER_SOURCE
from sendto.runtime.database import Database
from sendto.runtime.publishing import RowPublisher
from sendto.runtime.settings import KafkaSettings
from sendto_dispatcher.store.deliveries import DeliveryEvent, lock_unpublished, mark_published


def deliveries(database: Database, kafka: KafkaSettings, topic: str) -> RowPublisher:
    """What publishes delivery events until it is stopped; without Kafka they wait in their rows."""

    async def send(producer: AIOKafkaProducer, event: DeliveryEvent) -> None:
        key, value, headers = record(event)
        await producer.send_and_wait(topic, value=value, key=key, headers=headers)

    return RowPublisher(database, kafka, "deliveries", lock=lock_unpublished, send=send, mark=mark_published)


def record(event: DeliveryEvent) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers: a binary CloudEvent."""
    key = str(event.order_id)
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": event.type,
        "ce_id": str(event.event_id),
        "ce_source": DISPATCHER_SOURCE,
        "ce_subject": f"orders/{key}/customer",
        "ce_time": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "ce_partitionkey": key,
    }
    return key.encode(), event.data.encode(), [(name, value.encode()) for name, value in headers.items()]
