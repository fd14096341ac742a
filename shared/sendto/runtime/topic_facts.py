"""What the brokers say of topics: where they end, and how long they keep records."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from sendto.runtime.kafka import client_options
from sendto.runtime.settings import KafkaSettings

_RETENTION = "retention.ms"


async def topic_ends(kafka: KafkaSettings, topic: str) -> dict[int, int]:
    """The next offset of each partition.

    Raises:
        KafkaError: the brokers cannot be reached.
    """
    consumer = AIOKafkaConsumer(topic, **client_options(kafka, client_id="sendto-topic-facts"))
    try:
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
    finally:
        await consumer.stop()
    return {place.partition: offset for place, offset in ends.items()}


async def retentions_s(kafka: KafkaSettings, topics: Sequence[str]) -> dict[str, float | None]:
    """How long each topic keeps a record at the most, in seconds; None where it keeps it for ever.

    Raises:
        KafkaError: the brokers cannot be reached.
    """
    admin = AIOKafkaAdminClient(**client_options(kafka, client_id="sendto-topic-facts"))
    try:
        await admin.start()
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in topics])
    finally:
        await admin.close()
    kept: dict[str, float | None] = {}
    for answer in answers:
        for _, _, _, name, entries in answer.resources:
            [kept_ms] = [int(entry[1]) for entry in entries if entry[0] == _RETENTION]
            kept[name] = kept_ms / 1000 if kept_ms >= 0 else None
    return kept
