"""The relay: publishes the outbox on Kafka, in order per key.

It reads unpublished rows, sends them all, waits for all, marks them published. After a failed send it starts again at
the first unpublished row. Any number may run: an advisory lock lets one publish. Rules 35 and 36 of the dispatcher's
rules.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sendto.runtime.database import AWAY, Database, DatabaseAway, DirectConnection
from sendto.runtime.failpoints import Point, reach
from sendto.runtime.kafka import client_options, undisturbed
from sendto.runtime.listen import Wake
from sendto.runtime.logs import logger
from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto.runtime.tracing import Kind, Span, Tracer
from sendto_api.outbox import metrics, store
from sendto_api.outbox.wire import record
from sendto_api.settings import RelaySection

_log = logger(__name__)

_LOCK = 0x6F7574626F78  # "outbox"
_LOCK_WAIT_S = 1.0
_SEND_TIMEOUT_S = 30.0
_MAX_REQUEST_BYTES = 1_048_576
_ASK_EVERY_S = 0.5
"""how often Kafka is asked whether it is there, while there is little to publish"""


class Relay:
    """Publishes while it holds the lock, until it is stopped."""

    def __init__(
        self,
        settings: RelaySection,
        kafka: KafkaSettings,
        topics: TopicSettings,
        database: Database,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._kafka = kafka
        self._topic = topics.events
        self._database = database
        self._kafka_trouble: str | None = "starting"
        self._database_trouble: str | None = "starting"
        self._asked_at_s: float | None = None
        """since when Kafka owes us an answer; the producer itself waits without end"""
        self._ask_at_s = 0.0
        self.wake = Wake()

    async def run(self) -> None:
        """Publish until cancelled; without Kafka or the database it waits and goes on by itself."""
        while True:
            try:
                async with self._leading() as lock, self._producer() as producer:
                    await self._publish_all(producer, lock)
            except (DatabaseAway, *AWAY) as error:
                self._database_trouble = "the database is away"
                _log.warning("relay_waits", reason=self._database_trouble, error=type(error).__name__)
            except KafkaError as error:
                self._kafka_trouble = "Kafka is away"
                _log.warning("relay_waits", reason=self._kafka_trouble, error=type(error).__name__)
            await asyncio.sleep(self._settings.retry_pause_s)

    async def database_ready(self) -> str | None:
        """None while the database answers."""
        try:
            await self._database.ping()
        except DatabaseAway:
            return "the database is away"
        return self._database_trouble

    async def kafka_ready(self) -> str | None:
        """None while Kafka takes what is published, and answers in time."""
        asked_s = self._asked_at_s
        if asked_s is not None and monotonic() - asked_s > self._kafka.request_timeout_s:
            return "Kafka does not answer"
        return self._kafka_trouble

    async def measure(self) -> None:
        """Bring the gauges of the outbox up to date."""
        await metrics.measure(self._database)

    async def run_once(self, producer: AIOKafkaProducer) -> int:
        """Publish one batch; how many events."""
        async with self._database.connection() as connection:
            rows = await store.unpublished(connection, self._settings.batch_events)
        if rows:
            reach(Point.RELAY_READ)
            with metrics.LATENCY.time():
                with self._asking_kafka():
                    await self._send(producer, rows)
                reach(Point.RELAY_SENT)
                async with self._database.connection() as connection:
                    await store.mark_published(connection, [row["id"] for row in rows])
            reach(Point.RELAY_MARKED)
            metrics.PUBLISHED.inc(len(rows))
        return len(rows)

    async def _publish_all(self, producer: AIOKafkaProducer, lock: DirectConnection) -> None:
        while True:
            await lock.execute("SELECT 1")  # raises once the connection, and with it the lock, is gone
            published = await self.run_once(producer)
            self._kafka_trouble = None
            if published < self._settings.batch_events:
                await self._ask(producer)
                await self.wake.wait(self._settings.poll_interval_s)

    async def _ask(self, producer: AIOKafkaProducer) -> None:
        """Ask Kafka whether it is there, now and then: an event that comes meanwhile waits for the answer."""
        if monotonic() >= self._ask_at_s:
            with self._asking_kafka():
                await producer.client.fetch_all_metadata()
            self._ask_at_s = monotonic() + _ASK_EVERY_S

    async def _send(self, producer: AIOKafkaProducer, rows: list[asyncpg.Record]) -> None:
        """Send all in their order and wait for all: the producer keeps the order of each partition."""
        async with asyncio.timeout(_SEND_TIMEOUT_S):
            sent, spans = [], []
            for row in rows:
                span = self._begin(row)
                if span is not None:
                    spans.append(span)
                key, value, headers = record(row, span.traceparent if span else row["traceparent"])
                sent.append(await producer.send(self._topic, value=value, key=key, headers=headers))
                reach(Point.RELAY_SENDING)
            await asyncio.gather(*sent)
            for span in spans:
                span.end()

    def _begin(self, row: asyncpg.Record) -> Span | None:
        """The span of publishing one event, below the request that made it."""
        if self._tracer is None:
            return None
        span = self._tracer.begin(f"publish {self._topic}", Kind.PRODUCER, parent=row["traceparent"])
        span.tell(
            {
                "messaging.system": "kafka",
                "messaging.destination.name": self._topic,
                "sendto.order_id": row["order_id"],
                "sendto.event_id": str(row["event_id"]),
            }
        )
        return span

    @contextlib.contextmanager
    def _asking_kafka(self) -> Iterator[None]:
        self._asked_at_s = monotonic()
        try:
            yield
        finally:
            self._asked_at_s = None

    @contextlib.asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **client_options(self._kafka, client_id="sendto-relay"),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=262_144,
            max_request_size=_MAX_REQUEST_BYTES,
        )
        try:
            with self._asking_kafka():
                await undisturbed(producer.start())
            yield producer
        except TimeoutError:
            raise KafkaError("sending took too long") from None
        finally:
            with self._asking_kafka():
                await undisturbed(producer.stop())

    @contextlib.asynccontextmanager
    async def _leading(self) -> AsyncIterator[DirectConnection]:
        """Hold the lock on a direct connection; whoever loses the connection loses the lock."""
        connection = await self._database.direct()
        try:
            self._database_trouble = self._kafka_trouble = None
            while not await connection.fetchval(  # noqa: ASYNC110 - the lock is PostgreSQL's, nothing here can wake us
                "SELECT pg_try_advisory_lock($1)", _LOCK
            ):
                await asyncio.sleep(_LOCK_WAIT_S)
            metrics.LEADS.set(1)
            yield connection
        finally:
            metrics.LEADS.set(0)
            connection.terminate()
