"""Publishing rejected events on the dead-letter topic, from their rows. Rule 9 of the dispatcher's rules."""

import hashlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from sendto.runtime.database import Database
from sendto.runtime.publishing import RowPublisher
from sendto.runtime.settings import KafkaSettings
from sendto_dispatcher.store.rejected import DeadLetter, lock_unpublished, mark_published

_MAX_BYTES = 900_000
"""of a dead letter, below Kafka's usual limit of a million"""
_MAX_HEADER_BYTES = 200_000


def dead_letters(database: Database, kafka: KafkaSettings, topic: str) -> RowPublisher:
    """What publishes rejected events until it is stopped; without Kafka they wait in their rows."""

    async def send(producer: AIOKafkaProducer, letter: DeadLetter) -> None:
        value, headers = dead_letter(letter)
        try:
            await producer.send_and_wait(topic, value=value, key=letter.key, headers=headers)
        except MessageSizeTooLargeError:
            await producer.send_and_wait(topic, value=b"", key=None, headers=_told(letter, truncated=True))

    return RowPublisher(database, kafka, "dead-letters", lock=lock_unpublished, send=send, mark=mark_published)


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
    if value is None and letter.key is None:
        value = b""  # the client library sends no record that has neither
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
