"""Publishing rejected events on the dead-letter topic, from their rows. Rule 9 of the dispatcher's rules."""

import asyncio
import hashlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.kafka import client_options
from sendto.runtime.logs import logger
from sendto.runtime.settings import KafkaSettings
from sendto_dispatcher.store.rejected import DeadLetter, lock_unpublished, mark_published

_log = logger(__name__)

_BATCH = 100
_POLL_S = 0.5
_AWAY_PAUSE_S = 2.0
_MAX_BYTES = 900_000
"""of a dead letter, below Kafka's usual limit of a million"""
_MAX_HEADER_BYTES = 200_000


class DeadLetters:
    """Publishes rejected events until it is stopped; without Kafka they wait in their rows."""

    def __init__(self, database: Database, kafka: KafkaSettings, topic: str) -> None:
        self._database = database
        self._kafka = kafka
        self._topic = topic

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                await self._run_connected()
            except (KafkaError, DatabaseAway, OSError, TimeoutError) as error:
                _log.warning("dead_letters_wait", error=type(error).__name__)
            await asyncio.sleep(_AWAY_PAUSE_S)

    async def _run_connected(self) -> None:
        producer = AIOKafkaProducer(
            **client_options(self._kafka, client_id="sendto-dispatcher-dead-letters"),
            acks="all",
            enable_idempotence=True,
            max_request_size=1_048_576,
        )
        try:
            await producer.start()
            while True:
                if not await self.run_once(producer):
                    await asyncio.sleep(_POLL_S)
        finally:
            await producer.stop()

    async def run_once(self, producer: AIOKafkaProducer) -> int:
        """Publish some; how many."""

        async def work(connection: Connection) -> int:
            letters = await lock_unpublished(connection, _BATCH)
            for letter in letters:
                await self._publish(producer, letter)
            if letters:
                await mark_published(connection, [letter.id for letter in letters])
            return len(letters)

        return await self._database.in_transaction(work)

    async def _publish(self, producer: AIOKafkaProducer, letter: DeadLetter) -> None:
        value, headers = dead_letter(letter)
        try:
            await producer.send_and_wait(self._topic, value=value, key=letter.key, headers=headers)
        except MessageSizeTooLargeError:
            await producer.send_and_wait(self._topic, value=b"", key=None, headers=_told(letter, truncated=True))


def dead_letter(letter: DeadLetter) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Value and headers of a dead letter: the record's own, joined by where it stood and why it was rejected."""
    value, headers = letter.value, list(letter.headers)
    header_bytes = sum(len(name) + len(content) for name, content in headers)
    if header_bytes > _MAX_HEADER_BYTES:
        headers, header_bytes = [], 0
    truncated = len(headers) < len(letter.headers)
    room = _MAX_BYTES - header_bytes - len(letter.key or b"")
    if value is not None and len(value) > room:
        value, truncated = value[:room], True
    return value, [*headers, *_told(letter, truncated=truncated)]


def _told(letter: DeadLetter, *, truncated: bool) -> list[tuple[str, bytes]]:
    told = {
        "sendto_reason": letter.reason,
        "sendto_detail": letter.detail,
        "sendto_topic": letter.topic,
        "sendto_partition": str(letter.partition),
        "sendto_offset": str(letter.offset),
        "sendto_rejected_at": letter.rejected_at.isoformat(),
    }
    if truncated:
        told |= {"sendto_truncated": "true", "sendto_sha256": hashlib.sha256(letter.value or b"").hexdigest()}
    return [(name, content.encode()) for name, content in told.items()]
