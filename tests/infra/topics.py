"""Topics, and records written to and read from them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto.runtime.topics import create_topics

Headers = Sequence[tuple[str, bytes]]


async def new_topics(bootstrap_servers: str, partitions: int = 4) -> TopicSettings:
    """Three new topics, as a system has them."""
    word = uuid4().hex
    topics = TopicSettings(
        events=f"events-{word}", dead_letters=f"dead-{word}", deliveries=f"deliveries-{word}", partitions=partitions
    )
    while True:
        try:
            await create_topics(KafkaSettings(bootstrap_servers=bootstrap_servers), topics)
        except KafkaError:
            await asyncio.sleep(0.1)
        else:
            return topics


@asynccontextmanager
async def producing(bootstrap_servers: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of an upstream system."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def read_all(bootstrap_servers: str, topic: str) -> list[ConsumerRecord]:
    """Every record that is on the topic now, in the order of each partition."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        records: list[ConsumerRecord] = []
        ends = await consumer.end_offsets(consumer.assignment())
        left = {partition for partition, end in ends.items() if end}
        while left:
            for partition, batch in (await consumer.getmany(timeout_ms=1000)).items():
                records += batch
                if batch and batch[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
        return records
    finally:
        await consumer.stop()
