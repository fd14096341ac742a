"""Reading on whatever the client library raises: records that it cannot read, places that the broker refuses.

A header's name that is not UTF-8 makes it raise, for ever. Each such record becomes one without content, which the
intake rejects by its place; its bytes stay on the topic.

A broker refuses to read on where the log has been cut off: at its begin, when records left the topic before they were
taken, or at its end, when the log is another one. The library would go on somewhere else in silence.

Whatever else it raises is said, and tried again. But if one of its own loops has ended, nothing more would ever come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

Batches = dict[TopicPartition, list[ConsumerRecord]]
_HEADERS = ((b"unreadable", b""),)
_MOST = 500
"""records that are read one by one before they are taken"""
_TIMEOUT_MS = 1_000
_FAILING_PAUSE_S = 2.0


def is_unreadable(record: ConsumerRecord) -> bool:
    """Whether the record stands for one that could not be read."""
    return record.headers is _HEADERS


def read_on(
    consumer: AIOKafkaConsumer,
    taken_up_to: Mapping[TopicPartition, int],
    refused: Callable[[Iterable[TopicPartition]], None],
    failing: Callable[[KafkaError | None], None],
    ended: Callable[[], None],
) -> None:
    """Keep the consumer's `getmany` from raising for what cannot be read.

    Args:
        consumer: a started consumer that resets no offset by itself.
        taken_up_to: the next offset to be taken of each partition, now and later.
        refused: called with partitions that cannot be read on where they are.
        failing: called with why nothing can be read, and with None whenever something could be.
        ended: called when nothing more can be expected of this consumer.
    """
    consumer.getmany = _Reader(consumer, taken_up_to, refused, failing, ended).getmany


class _Reader:
    """What stands in for a consumer's `getmany`; see `read_on`."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        taken_up_to: Mapping[TopicPartition, int],
        refused: Callable[[Iterable[TopicPartition]], None],
        failing: Callable[[KafkaError | None], None],
        ended: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._read: Callable[..., Awaitable[Batches]] = consumer.getmany
        self._taken_up_to = taken_up_to
        self._refused = refused
        self._failing = failing
        self._ended = ended

    async def getmany(self, *partitions: TopicPartition, **options: Any) -> Batches:
        # Where there is nothing, FastStream sleeps before it looks again, and what comes meanwhile would wait.
        while (batches := await self._once(*partitions, **options)) is None:
            continue
        return batches

    async def _once(self, *partitions: TopicPartition, **options: Any) -> Batches | None:
        """What there is, nothing where it could not be read, None where there was nothing to read."""
        if _has_ended(self._consumer):
            self._ended()
            return {}
        try:
            batches = await self._read(*partitions, **options)
        except OffsetOutOfRangeError as error:
            self._refused(error.args[0])
            return {}
        except KafkaError as error:
            self._failing(error)
            await asyncio.sleep(_FAILING_PAUSE_S)
            return {}
        except UnicodeDecodeError:
            return await self._again()
        self._failing(None)
        return batches or None

    async def _again(self) -> Batches:
        """Read up to what cannot be read. What was read with it is lost in the library: go back to what was taken."""
        self._failing(None)
        reading = sorted(set(self._consumer.assignment()) & self._taken_up_to.keys() - set(self._consumer.paused()))
        for partition in reading:
            self._consumer.seek(partition, self._taken_up_to[partition])
        for partition in reading:
            if found := await _one_by_one(self._consumer, self._read, partition, self._taken_up_to[partition]):
                return {partition: found}
        return {}


def _has_ended(consumer: AIOKafkaConsumer) -> bool:
    """Whether the loop that fetches, or the one that keeps the membership, has failed: the library does not tell."""
    loops = (consumer._fetcher.error_future, consumer._coordinator._coordination_task)  # noqa: SLF001 - it tells nowhere else
    return any(loop.done() for loop in loops)


async def _one_by_one(
    consumer: AIOKafkaConsumer, read: Callable[..., Awaitable[Batches]], partition: TopicPartition, start: int
) -> list[ConsumerRecord]:
    """The records before the next one that cannot be read, or, if it is the first, what stands for it."""
    found: list[ConsumerRecord] = []
    end = (await consumer.end_offsets([partition]))[partition]
    position = start
    while position < end and len(found) < _MOST:
        try:
            batches = await read(partition, timeout_ms=_TIMEOUT_MS, max_records=1)
        except UnicodeDecodeError:
            found = found or [_stand_in(partition, position)]
            consumer.seek(partition, found[-1].offset + 1)
            break
        if not batches.get(partition):
            break
        found += batches[partition]
        position = found[-1].offset + 1
    return found


def _stand_in(partition: TopicPartition, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=None,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=_HEADERS,
    )
