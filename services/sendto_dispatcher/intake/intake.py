"""The intake: batches from Kafka become order states and lanes; offsets are committed after the database has.

Rules 5 to 10 of the dispatcher's rules.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream.kafka import KafkaBroker
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from prometheus_client import REGISTRY, CollectorRegistry

from sendto.events.decode import Rejection, RejectReason
from sendto.events.envelope import CustomerEvent
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.failpoints import Point, reach
from sendto.runtime.health import Remembered
from sendto.runtime.kafka import undisturbed
from sendto.runtime.logs import bug, logger
from sendto.runtime.settings import KafkaSettings
from sendto.runtime.tracing import Tracer
from sendto_dispatcher.intake import metrics
from sendto_dispatcher.intake.backlog import Backlog, ends
from sendto_dispatcher.intake.client import build_broker, read_cluster_id, stop
from sendto_dispatcher.intake.halving import by_halves
from sendto_dispatcher.intake.hearing import hear
from sendto_dispatcher.intake.lag import Lag
from sendto_dispatcher.intake.placement import place_partitions
from sendto_dispatcher.intake.reading import is_unreadable, read_on
from sendto_dispatcher.intake.tracing import BatchSpans
from sendto_dispatcher.settings import IntakeSettings, SourcesSettings
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.taking import IntakeRules, PositionLost, Record, Taken

_log = logger(__name__)

_KAFKA_PAUSE_S = 1.0
_READY_TIMEOUT_S = 2.0
_STOP_S = 2.0
"""for a batch that is being written when reading stops"""
_DECODED_AT_ONCE = 200
"""records, then others have their turn"""


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka brings no types
    """Reads the topic as a member of its consumer group until it is stopped."""

    def __init__(
        self,
        settings: IntakeSettings,
        kafka: KafkaSettings,
        topic: str,
        database: Database,
        rules: IntakeRules,
        sources: SourcesSettings,
        on_taken: Callable[[], None],
        *,
        tracer: Tracer | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._kafka = kafka
        self._topic = topic
        self._database = database
        self._rules = rules
        self._sources = sources
        self._on_taken = on_taken
        self._cluster_id = ""
        self._doubt_below: dict[TopicPartition, int] = {}
        self._taken_up_to: dict[TopicPartition, int] = {}
        self._ever_taken: dict[TopicPartition, int] = {}
        """the highest offsets up to which this process has taken records, also of partitions that it has lost"""
        self.lag = Lag(self._reading, self._taken_up_to, self._ever_taken)
        self._unplaced: set[TopicPartition] = set()
        self._refused: set[TopicPartition] = set()
        """partitions whose broker has refused to read on where they were read"""
        self._trouble: str | None = "starting"
        self._resume = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        """the batch that is being written while the next one is read and decoded"""
        self._anew: dict[TopicPartition, int] | None = None
        """since the last read: partitions that are read on from another place; None where none is"""
        self._backlog = Backlog(settings.batch_records)
        self._closing = False
        self._unreadable: str | None = None
        self._topic_missing = Remembered(self._ask_for_topic)
        self._ended = False
        self._broker: KafkaBroker | None = None
        self._subscriber: Any = None
        self._kafka_metrics = KafkaPrometheusMiddleware(registry=registry)

    async def run(self) -> None:
        """Take events until cancelled."""
        try:
            await self._connect()
            await self._resume_loop()
        finally:
            await self._disconnect()

    def use(self, rules: IntakeRules, sources: SourcesSettings) -> None:
        """Take the next batches by these rules."""
        self._rules, self._sources = rules, sources

    def ever_taken(self) -> dict[int, int]:
        """By partition, the offsets up to which this process has taken records."""
        return {partition.partition: offset for partition, offset in self._ever_taken.items()}

    @property
    def catching_up(self) -> bool:
        """Whether, a moment ago, more waited on the topic than one batch takes."""
        return self._trouble is None and self._backlog.is_long

    def place_again(self) -> None:
        """The database is another one: read every partition on from where that one says."""
        consumer = self._subscriber.consumer if self._subscriber else None
        if consumer is None:
            return
        self._unplaced |= set(consumer.assignment())
        self._read_elsewhere(dict.fromkeys(self._unplaced, 0))
        consumer.pause(*self._unplaced)
        self._resume.set()

    async def readiness(self) -> str | None:
        """None while events are taken, else what keeps them away."""
        return self._trouble or self._unreadable or await self._topic_missing()

    async def _ask_for_topic(self) -> str | None:
        """Kafka answers it on a connection on which it may be waiting for records: it takes up to half a second."""
        consumer = self._consumer()
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                topics = await consumer.topics()
        except (TimeoutError, KafkaError):
            return "Kafka is away"
        return None if self._topic in topics else "the topic is missing"

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Aiokafka's call: place what is new; what cannot be placed now waits, paused, and is placed later."""
        self._topic_missing.ask()  # nothing is fetched yet: who looks first does not wait for records
        self._unplaced = set(assigned)
        self._read_elsewhere(dict.fromkeys(self._unplaced, 0))
        self._doubt_below.clear()
        self._taken_up_to.clear()
        consumer = self._consumer()
        consumer.pause(*self._unplaced)
        for partition in self._unplaced:  # somewhere, so that the library looks for no place by itself
            consumer.seek(partition, 0)
        await self._place()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Aiokafka's call: a batch of a revoked partition that is still under way changes nothing twice."""
        self._unplaced -= set(revoked)
        self._refused -= set(revoked)

    def _cannot_read_on(self, partitions: Iterable[TopicPartition]) -> None:
        """The log has been cut off where these are read: place them anew, which tells what has happened."""
        refused = set(partitions) & set(self._consumer().assignment())
        _log.warning(
            "intake_waits", reason="the log has been cut off", partitions=sorted(one.partition for one in refused)
        )
        self._refused |= refused
        self._unplaced |= refused
        self._consumer().pause(*refused)
        self._resume.set()

    def _cannot_read(self, error: KafkaError | None) -> None:
        if error is None:
            self._anew = None
        unreadable = None if error is None else "Kafka cannot be read"
        if error is not None and unreadable != self._unreadable:
            _log.error("kafka_not_read", error=type(error).__name__, detail=str(error))
        self._unreadable = unreadable

    def _has_ended(self) -> None:
        self._ended = True
        self._resume.set()

    async def _connect(self) -> None:
        while True:
            try:
                self._cluster_id = await read_cluster_id(self._kafka)
                self._broker, self._subscriber = build_broker(
                    self._settings, self._kafka, self._topic, self, self._handle, middlewares=[self._kafka_metrics]
                )
                await undisturbed(self._broker.start())
                read_on(self._consumer(), self._taken_up_to, self._cannot_read_on, self._cannot_read, self._has_ended)
            except (KafkaError, OSError, TimeoutError) as error:
                self._trouble = "Kafka is away"
                _log.warning("kafka_away", error=type(error).__name__)
                await self._disconnect()
                await asyncio.sleep(_KAFKA_PAUSE_S)
            else:
                return

    async def _disconnect(self) -> None:
        self._closing = True
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=_STOP_S)
        if self._broker is not None:
            broker, self._broker = self._broker, None
            await stop(broker, self._consumer())
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.cancel()
            await asyncio.wait({writing})
        self._closing = False

    def _reading(self) -> AIOKafkaConsumer | None:
        """The consumer while there is one that reads."""
        return self._subscriber.consumer if self._broker is not None and self._subscriber is not None else None

    def _consumer(self) -> AIOKafkaConsumer:
        return self._subscriber.consumer

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        """FastStream's call for each batch: it is decoded while the one before is written, and written after that.

        Whatever happens, no record is passed over: what follows a batch that was not written is read again, too.
        """
        reach(Point.INTAKE_BATCH)
        self._backlog.look(self._consumer(), self._taken_up_to | ends(records))
        spans = BatchSpans(self._tracer)
        decoded: list[Record] | Exception = []
        try:
            decoded = await self._decoded(records, spans)
        except Exception as error:  # noqa: BLE001 - FastStream would pass over the batch
            decoded = error
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if self._closing:
            return
        if self._anew is not None:
            self._seek_back(records, self._anew)
        elif isinstance(decoded, Exception):
            self._failed(records, decoded)
        else:
            self._writing = asyncio.create_task(self._write(records, decoded, spans))

    async def _decoded(self, records: Sequence[ConsumerRecord], spans: BatchSpans) -> list[Record]:
        decoded: list[Record] = []
        for start in range(0, len(records), _DECODED_AT_ONCE):
            decoded += [self._decode(record, spans) for record in records[start : start + _DECODED_AT_ONCE]]
            await asyncio.sleep(0)
        return decoded

    async def _write(self, records: Sequence[ConsumerRecord], decoded: Sequence[Record], spans: BatchSpans) -> None:
        try:
            with metrics.BATCH_SECONDS.time():
                taken = await by_halves(self._take, decoded)
        except DatabaseAway:
            self._step_back(records, "the database is away")
        except PositionLost:
            self._unplaced |= {TopicPartition(record.topic, record.partition) for record in records}
            self._step_back(records, "positions are lost")
        except Exception as error:  # noqa: BLE001 - what it is does not matter: the batch is read again
            self._failed(records, error)
        else:
            self._trouble = None
            spans.end()
            metrics.taken(taken)
            reach(Point.INTAKE_COMMITTED)
            await self._commit(records)
            reach(Point.INTAKE_ACKNOWLEDGED)
            if taken.lanes:
                self._on_taken()

    def _failed(self, records: Sequence[ConsumerRecord], error: Exception) -> None:
        _log.error("intake_failed", **bug(error))
        self._step_back(records, "intake fails")

    def _event(self, record: ConsumerRecord) -> CustomerEvent | Rejection:
        if is_unreadable(record):
            return Rejection(RejectReason.ATTRIBUTE_INVALID, "a header's name is not UTF-8; its bytes are on the topic")
        return hear(record.key, record.value, record.headers, self._settings, self._sources)

    def _decode(self, record: ConsumerRecord, spans: BatchSpans) -> Record:
        decoded = self._event(record)
        return Record(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            recorded_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=record.key,
            value=record.value,
            headers=() if is_unreadable(record) else record.headers,
            decoded=decoded if isinstance(decoded, Rejection) else spans.begin(record, decoded),
            doubtful=record.offset < self._doubt(TopicPartition(record.topic, record.partition)),
        )

    def _doubt(self, partition: TopicPartition) -> int:
        """Below this offset the database may have lost what was made of the records."""
        return self._doubt_below.get(partition, 0)

    @property
    def _stored(self) -> dict[tuple[str, int], int]:
        """The positions as this process last saw them in the database."""
        return {(place.topic, place.partition): offset for place, offset in self._taken_up_to.items()}

    async def _take(self, records: Sequence[Record]) -> Taken:
        async def work(connection: Connection) -> Taken:
            taken = await take(connection, self._cluster_id, records, self._rules, self._stored)
            reach(Point.INTAKE_WRITTEN)
            return taken

        return await self._database.in_transaction(work)

    async def _commit(self, records: Sequence[ConsumerRecord]) -> None:
        """Commit the offsets after the database; refused after a rebalance, which is normal.

        Never below an offset that was committed before the database lost what was made of it: until all of that is
        made again, it is the proof.
        """
        offsets = ends(records)
        self._taken_up_to |= offsets
        for partition, offset in offsets.items():
            self._ever_taken[partition] = max(offset, self._ever_taken.get(partition, 0))
        proven = {partition: offset for partition, offset in offsets.items() if offset >= self._doubt(partition)}
        if not proven:
            return
        try:
            await self._consumer().commit(proven)
        except (KafkaError, IllegalStateError) as error:
            _log.info("offsets_not_committed", error=type(error).__name__)

    def _step_back(self, records: Sequence[ConsumerRecord], trouble: str) -> None:
        """Read the batch again later: seek back and pause; polling goes on, so the membership stays."""
        self._trouble = trouble
        _log.warning("intake_waits", reason=trouble, records=len(records))
        self._seek_back(records)
        consumer = self._consumer()
        consumer.pause(*consumer.assignment())
        self._resume.set()

    def _seek_back(
        self, records: Sequence[ConsumerRecord], elsewhere: Mapping[TopicPartition, int] = MappingProxyType({})
    ) -> None:
        """Read these again, or from where their partitions are read on meanwhile if that is earlier."""
        first: dict[TopicPartition, int] = {}
        for record in records:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        consumer = self._consumer()
        back = {one: min(first[one], elsewhere.get(one, first[one])) for one in first.keys() & consumer.assignment()}
        for partition, offset in back.items():
            consumer.seek(partition, offset)
        self._read_elsewhere(back)

    def _read_elsewhere(self, places: Mapping[TopicPartition, int]) -> None:
        """What was read and is not written yet does not follow on what is read next."""
        self._anew = {**(self._anew or {}), **places}

    async def _resume_loop(self) -> None:
        """After trouble, wait for the database, place what is unplaced, read on."""
        while True:
            await self._resume.wait()
            if self._ended:
                raise RuntimeError("a loop of the Kafka client has ended, and nothing would be read any more")
            await asyncio.sleep(self._settings.retry_pause_s)
            self._resume.clear()
            try:
                await self._database.ping()
            except DatabaseAway:
                self._resume.set()
                continue
            await self._place()

    async def _place(self) -> None:
        consumer = self._consumer()
        waiting = self._unplaced & set(consumer.assignment())
        try:
            if waiting:
                placements = await place_partitions(
                    consumer, self._database, self._cluster_id, waiting, self._ever_taken, self._refused & waiting
                )
                self._read_elsewhere({partition: placement.start for partition, placement in placements.items()})
                for partition, placement in placements.items():
                    self._taken_up_to[partition] = placement.start
                    if placement.reset:
                        self._ever_taken.pop(partition, None)
                    self._doubt_below[partition] = placement.behind_until or 0
        except (DatabaseAway, KafkaError, IllegalStateError) as error:
            self._trouble = "partitions cannot be placed"
            _log.warning("partitions_not_placed", error=type(error).__name__)
            self._resume.set()
            return
        self._unplaced -= waiting
        self._refused -= waiting
        self._trouble = None
        consumer.resume(*(set(consumer.assignment()) - self._unplaced))
