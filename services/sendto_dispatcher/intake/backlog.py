"""How much waits on the topic, as far as the client knows."""

from collections.abc import Iterable, Mapping
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_BELIEVED_S = 1.0
"""so long what waited is believed to wait"""


class Backlog:
    """Looked at with every batch."""

    def __init__(self, much: int) -> None:
        self._much = much
        self._until_s = 0.0

    def look(self, consumer: AIOKafkaConsumer, taken_up_to: Mapping[TopicPartition, int]) -> None:
        """See how much waits beyond these offsets."""
        waiting = sum(
            max(0, (consumer.highwater(partition) or 0) - taken_up_to.get(partition, 0))
            for partition in consumer.assignment()
        )
        self._until_s = monotonic() + _BELIEVED_S if waiting > self._much else 0.0

    @property
    def is_long(self) -> bool:
        """Whether, a moment ago, it was more than a batch takes."""
        return monotonic() < self._until_s


def ends(records: Iterable[ConsumerRecord]) -> dict[TopicPartition, int]:
    """By partition, the offset that follows these records."""
    return {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
