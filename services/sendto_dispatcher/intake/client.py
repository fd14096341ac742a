"""The Kafka client of the intake: FastStream's broker with one subscriber that takes batches as they are."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from sendto.runtime.kafka import client_options, undisturbed
from sendto.runtime.settings import KafkaSettings
from sendto_dispatcher.intake.security import broker_security
from sendto_dispatcher.settings import IntakeSettings

_METADATA_AGE_MS = 5_000
"""so long it may take until a topic is read that was made, or made anew, after the intake has started"""

_PARTITION_BYTES = 2 * 1024 * 1024
"""of one partition are read at once: the longer the stretch, the more changes of one order are one"""

_STOP_S = 2.0
"""so long a stop waits for the answer to a join; the broker may give it only after the longest session timeout"""


async def read_cluster_id(kafka: KafkaSettings) -> str:
    """The id of the cluster."""
    admin = AIOKafkaAdminClient(**client_options(kafka, client_id="sendto-dispatcher-admin"))
    try:
        await undisturbed(admin.start())
        description = await admin.describe_cluster()
        return str(description["cluster_id"])
    finally:
        await undisturbed(admin.close())


def build_broker(
    settings: IntakeSettings,
    kafka: KafkaSettings,
    topic: str,
    listener: ConsumerRebalanceListener,
    handle: Callable[[Sequence[ConsumerRecord]], Awaitable[None]],
    *,
    middlewares: Sequence[Any] = (),
) -> tuple[KafkaBroker, Any]:
    """A broker that is not started, and its subscriber: a member of the group that commits and resets by itself never.

    It makes no topic: one with a single partition would be worse than none.
    """
    broker = KafkaBroker(
        kafka.bootstrap_servers.split(","),
        client_id="sendto-dispatcher",
        security=broker_security(kafka),
        metadata_max_age_ms=_METADATA_AGE_MS,
        consumer_only=True,
        apply_types=False,
        middlewares=middlewares,
        logger=None,
    )
    subscriber: Any = broker.subscriber(
        topic,
        group_id=settings.group_id,
        batch=True,
        max_records=settings.batch_records,
        max_partition_fetch_bytes=_PARTITION_BYTES,
        batch_timeout_ms=int(settings.poll_timeout_s * 1000),
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="none",
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 4),
        max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
        listener=listener,
        parser=_whole_batch,
        decoder=_raw_records,
    )
    subscriber(handle)
    return broker, subscriber


async def stop(broker: KafkaBroker, consumer: AIOKafkaConsumer | None) -> None:
    """Leave the group and close the connections; a join that other members keep from its answer is given up."""
    stopping = asyncio.create_task(broker.stop())
    await asyncio.wait({stopping}, timeout=_STOP_S)
    if not stopping.done() and consumer is not None:
        await consumer._client.close()  # noqa: SLF001 - the library has no door for this
    await stopping


async def _whole_batch(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """A batch as FastStream's message, undecoded: its own parser fails on headers that are not UTF-8."""
    return KafkaMessage(body=[record.value or b"" for record in records], raw_message=records, consumer=FAKE_CONSUMER)


async def _raw_records(message: KafkaMessage) -> Sequence[ConsumerRecord]:
    """The records themselves: we decode them."""
    return message.raw_message
