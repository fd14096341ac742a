"""How many records of the partitions that are read here are not taken yet: what the broker says, asked now and then.

What the consumer has heard of a partition's end stands still while it reads nothing, which is when it matters, and is
another topic's after the topic was made anew. Kafka answers on a connection on which it may be holding back a fetch,
half a second long, so nobody waits for it.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from sendto_dispatcher.intake import metrics

_EVERY_S = 2.0
_UNPLACED_EVERY_S = 0.2
_PATIENCE_S = 5.0


class Lag:
    """Compares the ends of partitions with what was taken.

    Args:
        consumer: the one that reads, None while there is none.
        taken: the offsets up to which records of its partitions were taken; kept up to date by who takes them.
        ever_taken: the same of all partitions that this process has ever read, for those that are assigned and cannot
            be placed yet.
    """

    def __init__(
        self,
        consumer: Callable[[], AIOKafkaConsumer | None],
        taken: Mapping[TopicPartition, int],
        ever_taken: Mapping[TopicPartition, int],
    ) -> None:
        self._consumer = consumer
        self._taken, self._ever_taken = taken, ever_taken
        self._ends: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.run_once()
            await asyncio.sleep(_EVERY_S if self._ends else _UNPLACED_EVERY_S)

    async def run_once(self) -> None:
        """Ask for the ends; while Kafka does not tell, they are what they were."""
        consumer = self._consumer()
        assigned = consumer.assignment() if consumer else ()
        if consumer is None or not assigned:
            self._ends = {}
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._ends = await consumer.end_offsets(assigned)
        except (KafkaError, IllegalStateError, OSError, TimeoutError):
            return

    def records(self) -> dict[int, int]:
        """Records not yet taken, by partition that is read here and whose end is known; the gauge is as well."""
        consumer = self._consumer()
        assigned = consumer.assignment() if consumer else ()
        taken = {**self._ever_taken, **self._taken}
        lag = {
            partition.partition: max(0, end - taken[partition])
            for partition, end in self._ends.items()
            if partition in assigned and partition in taken
        }
        metrics.LAG.clear()
        for number, records in lag.items():
            metrics.LAG.labels(number).set(records)
        return lag
