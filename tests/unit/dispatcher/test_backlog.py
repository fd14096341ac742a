"""How much waits on the topic."""

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from sendto_dispatcher.intake import backlog
from sendto_dispatcher.intake.backlog import Backlog, ends

ONE, TWO, THREE = (TopicPartition("events", number) for number in range(3))


class Consumer:
    """What is known of the ends of three partitions; of one nothing."""

    def __init__(self, **ends: int) -> None:
        self._ends = {ONE: ends["one"], TWO: ends["two"]}

    def assignment(self) -> set[TopicPartition]:
        """All three."""
        return {ONE, TWO, THREE}

    def highwater(self, partition: TopicPartition) -> int | None:
        """The end, if it is known."""
        return self._ends.get(partition)


@pytest.mark.parametrize(("one", "is_long"), [(110, False), (111, True), (0, False)])
def test_it_is_long_where_more_waits_than_a_batch_takes(one: int, is_long: bool) -> None:
    looking = Backlog(100)
    looking.look(Consumer(one=one, two=90), {ONE: 50, TWO: 50})

    assert looking.is_long is is_long


def test_it_is_not_believed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_BELIEVED_S", 0)
    looking = Backlog(0)
    looking.look(Consumer(one=5, two=5), {})

    assert not looking.is_long


def test_a_batch_ends_behind_its_last_record_of_each_partition() -> None:
    records = [
        SimpleNamespace(topic="events", partition=place, offset=offset) for place, offset in [(0, 3), (1, 8), (0, 4)]
    ]

    assert ends(records) == {ONE: 5, TWO: 9}
