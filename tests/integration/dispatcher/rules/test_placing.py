"""Rule 7 while partitions are placed: in which order proofs and positions are asked, and when lanes are in doubt."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from aiokafka import TopicPartition
from infra.eventually import eventually
from infra.lanes import CLUSTER, TOPIC, Lanes

from sendto_dispatcher.intake.placement import place_partitions
from sendto_dispatcher.store.positions import read_positions

PARTITION = TopicPartition(TOPIC, 0)
LONG = 100


class Member:
    """What placing asks of a consumer: a log of a hundred records, with the offset that was committed."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self.sought: list[int] = []

    async def committed(self, partition: TopicPartition) -> int:
        """The committed offset."""
        del partition
        return await self._ask()

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Nothing has left the log."""
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the log ends."""
        return dict.fromkeys(partitions, LONG)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on there."""
        del partition
        self.sought.append(offset)


async def _place(lanes: Lanes, member: Any) -> int | None:
    """Place the partition; below which offset its records are doubtful."""
    placed = await place_partitions(member, lanes.database, CLUSTER, [PARTITION], {})
    return placed[PARTITION].behind_until


async def _position(lanes: Lanes) -> int:
    async with lanes.database.connection() as connection:
        return (await read_positions(connection, TOPIC, [0]))[0].next_offset


async def _in_doubt(lanes: Lanes) -> list[bool]:
    return [row["in_doubt"] for row in await lanes.rows("SELECT in_doubt FROM lane ORDER BY id")]


async def test_rule_7_a_batch_that_another_process_takes_meanwhile_is_no_loss(lanes: Lanes) -> None:
    """It raises the stored position and then the committed offset: who asked in that order would see a loss."""
    await lanes.take([lanes.event(1, 1)])

    async def taken_and_committed() -> int:
        await lanes.take([lanes.event(2, 1), lanes.event(3, 1)])
        return await _position(lanes)

    member = Member(taken_and_committed)

    assert await _place(lanes, member) is None
    assert member.sought == [await _position(lanes)]
    assert await _in_doubt(lanes) == [False] * 3


@pytest.mark.parametrize("stored", [True, False])
async def test_rule_7_nothing_is_read_before_all_lanes_are_in_doubt_and_a_death_meanwhile_keeps_the_proof(
    lanes: Lanes, stored: bool
) -> None:
    await lanes.take([lanes.event(order_id, 1) for order_id in (1, 2)])
    position = await _position(lanes)
    if not stored:
        await lanes.run("DELETE FROM intake_position")

    async def lost() -> int:
        return LONG

    dying = Member(lost)
    async with lanes.database.transaction() as other:
        await other.execute("SELECT 1 FROM lane FOR UPDATE")
        placing = asyncio.create_task(_place(lanes, dying))
        await eventually(lambda: lanes.waits_for_lock("test"))
        assert dying.sought == []
        placing.cancel()
        await asyncio.wait({placing})
    assert await _in_doubt(lanes) == [False, False]

    next_one = Member(lost)
    assert await _place(lanes, next_one) == LONG
    assert next_one.sought == [position if stored else 0]
    assert await _in_doubt(lanes) == [True, True]
