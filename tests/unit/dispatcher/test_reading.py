"""What the client library raises, or keeps to itself, and what the intake makes of it. Rule 7."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, TopicAuthorizationFailedError
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.settings import DatabaseSettings, KafkaSettings
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.intake import reading
from sendto_dispatcher.intake.intake import Intake
from sendto_dispatcher.settings import IntakeSettings, SourcesSettings
from sendto_dispatcher.store.taking import IntakeRules

HERE = TopicPartition("events", 0)


class Consumer:
    """A consumer whose reads raise what they are told to."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        loop = asyncio.get_running_loop()
        self._fetcher = SimpleNamespace(error_future=loop.create_future())
        self._coordinator = SimpleNamespace(_coordination_task=loop.create_future())

    async def getmany(self, *_: TopicPartition, **__: object) -> Any:
        """The next answer."""
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Seen:
    """What was called."""

    def __init__(self, consumer: Consumer) -> None:
        self.refused: list[TopicPartition] = []
        self.failing: list[KafkaError | None] = []
        self.ended = 0
        reading.read_on(consumer, {}, self._refuse, self.failing.append, self._end)

    def _refuse(self, partitions: Iterable[TopicPartition]) -> None:
        self.refused += partitions

    def _end(self) -> None:
        self.ended += 1


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(reading, "_FAILING_PAUSE_S", 0)


async def test_what_is_read_is_passed_on() -> None:
    consumer = Consumer({HERE: ["record"]})
    seen = Seen(consumer)

    assert await consumer.getmany() == {HERE: ["record"]}
    assert (seen.refused, seen.failing, seen.ended) == ([], [None], 0)


async def test_rule_7_a_place_that_the_broker_refuses_is_told() -> None:
    consumer = Consumer(OffsetOutOfRangeError({HERE: 3}))
    seen = Seen(consumer)

    assert await consumer.getmany() == {}
    assert seen.refused == [HERE]


async def test_what_cannot_be_read_is_told_until_it_can_be() -> None:
    error = TopicAuthorizationFailedError("events")
    consumer = Consumer(error, {HERE: ["record"]})
    seen = Seen(consumer)

    assert await consumer.getmany() == {}
    assert await consumer.getmany() == {HERE: ["record"]}
    assert seen.failing == [error, None]


async def test_where_there_is_nothing_it_is_looked_again_at_once() -> None:
    """FastStream sleeps after a look that found nothing."""
    consumer = Consumer({}, {}, {HERE: ["record"]})
    seen = Seen(consumer)

    assert await consumer.getmany() == {HERE: ["record"]}
    assert seen.failing == [None, None, None]


@pytest.mark.parametrize("loop_of", [("_fetcher", "error_future"), ("_coordinator", "_coordination_task")])
async def test_a_loop_of_the_library_that_has_ended_is_told(loop_of: tuple[str, str]) -> None:
    consumer = Consumer({})
    seen = Seen(consumer)
    getattr(getattr(consumer, loop_of[0]), loop_of[1]).set_result(None)

    await consumer.getmany()

    assert seen.ended == 1


def _intake() -> Intake:
    database = Database(DatabaseSettings(database_url=SecretStr("postgresql://nowhere")), application_name="test")
    return Intake(
        IntakeSettings(),
        KafkaSettings(),
        "events",
        database,
        IntakeRules(routing=Routing((), ()), prefixes={}, carrying=frozenset()),
        SourcesSettings(),
        lambda: None,
        registry=CollectorRegistry(),
    )


async def test_the_intake_ends_with_it_and_not_silently() -> None:
    intake = _intake()
    intake._has_ended()  # noqa: SLF001 - what the client would call

    with pytest.raises(RuntimeError, match="nothing would be read"):
        await intake._resume_loop()  # noqa: SLF001 - what the supervisor runs


async def test_readiness_says_that_nothing_can_be_read() -> None:
    intake = _intake()
    intake._trouble = None  # noqa: SLF001 - as after a start
    intake._cannot_read(KafkaError("no"))  # noqa: SLF001 - what the client would call

    assert await intake.readiness() == "Kafka cannot be read"
