"""Topics, and records written to and read from them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from infra.eventually import eventually
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


@asynccontextmanager
async def administering(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that changes topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def delete_records(bootstrap_servers: str, until: RecordMetadata) -> None:
    """Delete what is on a partition up to a record, that one, too."""
    partition = TopicPartition(until.topic, until.partition)
    async with administering(bootstrap_servers) as admin:
        await admin.delete_records({partition: RecordsToDelete(before_offset=until.offset + 1)})


async def remake_topic(bootstrap_servers: str, topics: TopicSettings) -> None:
    """Delete the topic of events, and make one of the same name."""
    async with administering(bootstrap_servers) as admin:
        await admin.delete_topics([topics.events])

    async def made() -> bool:
        try:
            await create_topics(KafkaSettings(bootstrap_servers=bootstrap_servers), topics)
        except KafkaError:
            return False
        async with administering(bootstrap_servers) as admin:
            return topics.events in await admin.list_topics()

    await eventually(made)
