"""One batch is decoded while the one before is written, and no record is passed over whatever becomes of that one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.settings import DatabaseSettings, KafkaSettings
from sendto_dispatcher.domain.placement import Placement
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.intake import intake
from sendto_dispatcher.intake.intake import Intake
from sendto_dispatcher.settings import IntakeSettings, SourcesSettings
from sendto_dispatcher.store.taking import IntakeRules, PositionLost, Record, Taken

ONE, TWO = (TopicPartition("events", number) for number in range(2))
Take = Callable[[Sequence[Record]], Awaitable[Taken]]


class Consumer:
    """Two partitions, and where they are read on."""

    def __init__(self) -> None:
        self.sought: dict[TopicPartition, int] = {}
        self.is_paused = False
        self.committed: dict[TopicPartition, int] = {}

    def assignment(self) -> set[TopicPartition]:
        """Both."""
        return {ONE, TWO}

    def highwater(self, _: TopicPartition) -> int:
        """Nothing waits."""
        return 0

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from there."""
        self.sought[partition] = offset

    def pause(self, *_: TopicPartition) -> None:
        """Read nothing."""
        self.is_paused = True

    def resume(self, *_: TopicPartition) -> None:
        """Read on."""
        self.is_paused = False

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Remember them."""
        self.committed |= offsets

    async def topics(self) -> set[str]:
        """What Kafka answers at once as long as nothing is read; then it may wait for records."""
        if not self.is_paused:
            await asyncio.Event().wait()
        return {"events"}


class Stage:
    """An intake with a consumer that does nothing; what it writes, the test decides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, take: Take) -> None:
        self.consumer = Consumer()
        database = Database(DatabaseSettings(database_url=SecretStr("postgresql://nowhere")), application_name="test")
        rules = IntakeRules(routing=Routing((), ()), prefixes={}, carrying=frozenset())
        self.intake = Intake(
            IntakeSettings(),
            KafkaSettings(),
            "events",
            database,
            rules,
            SourcesSettings(),
            lambda: None,
            registry=CollectorRegistry(),
        )
        monkeypatch.setattr(self.intake, "_subscriber", SimpleNamespace(consumer=self.consumer))
        monkeypatch.setattr(self.intake, "_take", take)

    async def read(self, *records: Any) -> None:
        """A batch is read, as the client reads it."""
        self.intake._cannot_read(None)  # noqa: SLF001 - what the client calls with each read
        await self.intake._handle(records)  # noqa: SLF001 - the same

    async def written(self) -> None:
        """Wait for what is being written."""
        assert self.intake._writing is not None  # noqa: SLF001 - it tells nowhere else
        await self.intake._writing  # noqa: SLF001 - the same


def _records(partition: TopicPartition, offsets: Iterable[int]) -> list[Any]:
    return [
        SimpleNamespace(
            topic="events", partition=partition.partition, offset=offset, timestamp=0, key=None, value=None, headers=()
        )
        for offset in offsets
    ]


class Writes:
    """Takes batches when it is told to."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self._answers: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def __call__(self, records: Sequence[Record]) -> Taken:
        """Take a batch, as the next answer says."""
        self.begun.append([record.offset for record in records])
        answer = await self._answers.get()
        if answer is not None:
            raise answer
        return Taken({}, {}, 0)

    def answer(self, what: Exception | None = None) -> None:
        """Let one batch end."""
        self._answers.put_nowait(what)


async def test_the_next_batch_is_written_after_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    writes = Writes()
    stage = Stage(monkeypatch, writes)
    await stage.read(*_records(ONE, range(3)))
    following = asyncio.create_task(stage.read(*_records(ONE, range(3, 5))))
    for _ in range(5):
        await asyncio.sleep(0)
    assert writes.begun == [[0, 1, 2]]

    writes.answer()
    await following
    writes.answer()
    await stage.written()

    assert writes.begun == [[0, 1, 2], [3, 4]]
    assert stage.consumer.committed == {ONE: 5}
    assert stage.consumer.sought == {}


@pytest.mark.parametrize("why", [DatabaseAway("gone"), PositionLost(), ValueError("ours")], ids=repr)
async def test_what_follows_a_batch_that_was_not_written_is_read_again(
    monkeypatch: pytest.MonkeyPatch, why: Exception
) -> None:
    """In both partitions, from where the earlier of the two batches begins."""
    writes = Writes()
    stage = Stage(monkeypatch, writes)
    await stage.read(*_records(ONE, range(3)))
    following = asyncio.create_task(stage.read(*_records(ONE, range(3, 5)), *_records(TWO, range(7, 9))))
    await asyncio.sleep(0)  # it has been read, and is being decoded
    writes.answer(why)
    await following

    assert writes.begun == [[0, 1, 2]]
    assert stage.consumer.sought == {ONE: 0, TWO: 7}
    assert stage.consumer.is_paused
    assert stage.consumer.committed == {}


async def test_a_batch_that_was_read_before_its_partitions_were_placed_anew_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client was handed it, and then the one before failed: it is no longer what follows."""
    writes = Writes()
    stage = Stage(monkeypatch, writes)
    await stage.read(*_records(ONE, range(3)))
    stage.intake._cannot_read(None)  # noqa: SLF001 - the next one has been read
    writes.answer(DatabaseAway("gone"))
    await stage.written()
    await stage.intake._handle([*_records(ONE, [3]), *_records(TWO, [7])])  # noqa: SLF001 - and comes to us only now

    assert writes.begun == [[0, 1, 2]]
    assert stage.consumer.sought == {ONE: 0, TWO: 7}

    await stage.read(*_records(ONE, range(4)))
    writes.answer()
    await stage.written()
    assert stage.consumer.committed == {ONE: 4}


async def test_a_batch_of_which_nobody_knows_when_it_was_read_is_read_again_from_the_earlier_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The very first read of the client goes past us, and may have been before the placement, or after it."""
    writes = Writes()
    stage = Stage(monkeypatch, writes)
    stage.intake._read_elsewhere({ONE: 3, TWO: 9})  # noqa: SLF001 - as after a placement
    await stage.intake._handle([*_records(ONE, [3, 4]), *_records(TWO, [7])])  # noqa: SLF001 - without a read that we saw

    assert writes.begun == []
    assert stage.consumer.sought == {ONE: 3, TWO: 7}

    await stage.read(*_records(ONE, [3, 4]))
    writes.answer()
    await stage.written()
    assert stage.consumer.committed == {ONE: 5}


async def test_who_looks_first_does_not_wait_until_kafka_has_records(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Writes())
    placing, placed = asyncio.Event(), asyncio.Event()

    async def place(*_: object) -> dict[TopicPartition, Placement]:
        placing.set()
        await placed.wait()
        return {}

    monkeypatch.setattr(intake, "place_partitions", place)
    assigning = asyncio.create_task(stage.intake.on_partitions_assigned([ONE, TWO]))
    await placing.wait()
    assert await stage.intake.readiness() == "starting"
    placed.set()
    await assigning
    assert not stage.consumer.is_paused

    looking = asyncio.create_task(stage.intake.readiness())
    await asyncio.sleep(0)

    assert looking.done()
    assert await looking is None
