"""An upstream system that publishes by itself: in order, and also twice, out of order, and long after."""

import asyncio
import random
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faults.rig.book import Book, expected, hot
from faults.rig.configuration import PREFIX, UPSTREAM
from infra.events import Upstream

_ANSWER_S = 5.0
_AGAIN_S = 0.2
Event = tuple[int, int, dict[str, Any] | None]
"""order id, version, customer"""


class UpstreamWriter:
    """Publishes events of some orders.

    Args:
        bootstrap_servers: of Kafka.
        topic: the events' topic.
        book: where it writes down what was taken.
        random_: what it draws from.
        pause_s: between events.
        mischief: the share of steps in which something is repeated, exchanged or stale.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        book: Book,
        random_: random.Random,
        *,
        orders: int,
        pause_s: float,
        mischief: float = 0.2,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._book = book
        self._random = random_
        self._orders = orders
        self._pause_s = pause_s
        self._mischief = mischief
        self._versions: dict[int, int] = {}
        self._sent: list[Event] = []
        self._producer: AIOKafkaProducer | None = None
        self.writes = 0
        self.stopping = False

    async def run(self) -> None:
        """Publish until `stopping`."""
        while not self.stopping:
            await self.step()
            self.writes += 1
            await asyncio.sleep(self._pause_s)

    async def step(self) -> None:
        """One event, or some mischief."""
        if self._random.random() >= self._mischief:
            await self.publish(self._next())
            return
        match self._random.choice(("twice", "exchanged", "stale")):
            case "twice":
                event = self._next()
                await self.publish(event)
                await self.publish(event)
            case "exchanged":
                order_id = self._pick()
                older, newer = self._next(order_id), self._next(order_id)
                await self.publish(newer)
                await self.publish(older)
            case _ if self._sent:
                await self.publish(self._random.choice(self._sent))

    async def publish(self, event: Event) -> None:
        """Publish until the brokers have it."""
        order_id, version, person = event
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._send(order_id, version, person)
            except (KafkaError, TimeoutError, OSError):
                await self._forget_producer()
                await asyncio.sleep(_AGAIN_S)
            else:
                break
        self._book.add(f"{PREFIX}{order_id}", version, expected(person) if person else None)
        if len(self._sent) < 10_000:
            self._sent.append(event)

    async def close(self) -> None:
        """Close the connections."""
        await self._forget_producer()

    def _pick(self) -> int:
        return hot(self._random, self._orders) + 1

    def _next(self, order_id: int | None = None) -> Event:
        order_id = order_id or self._pick()
        self._versions[order_id] = version = self._versions.get(order_id, 0) + 1
        return order_id, version, None if self._random.random() < 0.1 else self._book.person()

    async def _send(self, order_id: int, version: int, person: dict[str, Any] | None) -> None:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers, acks="all", request_timeout_ms=2_000
            )
            await self._producer.start()
        upstream = Upstream(self._producer, self._topic, UPSTREAM)
        if person is None:
            await upstream.delete(order_id, version)
        else:
            await upstream.put(order_id, version, **person)

    async def _forget_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await producer.stop()
            except (KafkaError, TimeoutError, OSError):
                return
