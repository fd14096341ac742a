"""Rule 12: a rejected event is taken again by its version, or, without one, only if nothing later was taken."""

import asyncio
import json
from typing import Any

import pytest
from infra.events import binary_headers
from infra.eventually import eventually
from infra.lanes import SOURCE, Lanes

from sendto.events.decode import Headers, Rejection, RejectReason, decode
from sendto.events.envelope import CustomerEvent
from sendto.runtime.database import Connection
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.taking_again import Again, take_again

COUNTED, STALE = Again(verdict="counted", order_id=7, lanes=1), Again(verdict="stale", order_id=7)


def _as_now(key: bytes | None, value: bytes | None, headers: Headers) -> CustomerEvent | Rejection:
    return decode(key, value, headers)


async def _reject(lanes: Lanes, version: int | None, *, name: str = "Rejected", offset: int | None = None) -> int:
    """Reject an event of order 7, as if its source was not heard; the row's id."""
    data = {"order_id": 7, "customer": {"first_name": name, "last_name": ""}}
    event = lanes.event(7, version)
    record = lanes.record(event, lanes.next_offset() if offset is None else offset)
    rejected = type(record)(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        recorded_at=record.recorded_at,
        key=b"7",
        value=json.dumps(data).encode(),
        headers=binary_headers("customer.updated", version, SOURCE),
        decoded=Rejection(RejectReason.SOURCE_NOT_ALLOWED, "not heard", SOURCE, 7),
    )
    await lanes.take_records([rejected])
    [row] = await lanes.rows("SELECT max(id) AS id FROM rejected_event")
    return int(row["id"])


async def _again(lanes: Lanes, rejected_id: int) -> Again:
    async def work(connection: Connection) -> Again:
        return await take_again(connection, rejected_id, lanes.rules, _as_now)

    return await lanes.database.in_transaction(work)


async def _name(lanes: Lanes) -> str:
    [row] = await lanes.rows("SELECT customer->>'first_name' AS name FROM order_state")
    return str(row["name"])


@pytest.mark.parametrize("version", [None, 5])
async def test_what_nothing_has_followed_is_taken(lanes: Lanes, version: int | None) -> None:
    rejected = await _reject(lanes, version)

    assert await _again(lanes, rejected) == COUNTED

    assert await _name(lanes) == "Rejected"
    assert len(await lanes.rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL")) == 1
    assert await lanes.rows("SELECT 1 FROM rejected_event") == []
    assert (await _again(lanes, rejected)).refused == "there is no such rejected event"


async def test_a_version_finds_its_place_whatever_came_later(lanes: Lanes) -> None:
    older = await _reject(lanes, 4)
    await lanes.put(7, 5, first_name="Known")
    newer = await _reject(lanes, 6, name="Newer")

    assert await _again(lanes, older) == STALE
    assert await _name(lanes) == "Known"
    assert await _again(lanes, newer) == COUNTED
    assert await _name(lanes) == "Newer"


async def test_without_a_version_it_is_refused_once_something_later_was_taken(lanes: Lanes) -> None:
    await lanes.take([lanes.event(7, None, first_name="Before")])
    rejected = await _reject(lanes, None)
    await lanes.take([lanes.event(7, None, first_name="Later")])

    refused = (await _again(lanes, rejected)).refused

    assert refused is not None
    assert "something later of this order was taken" in refused
    assert await _name(lanes) == "Later"
    assert len(await lanes.rows("SELECT 1 FROM rejected_event")) == 1


async def test_without_a_version_what_came_before_is_no_hindrance(lanes: Lanes) -> None:
    await lanes.take([lanes.event(7, None, first_name="Before")])
    rejected = await _reject(lanes, None)

    assert await _again(lanes, rejected) == COUNTED
    assert await _name(lanes) == "Rejected"


async def test_several_without_a_version_are_taken_one_after_the_other_as_they_stand_in_the_partition(
    lanes: Lanes,
) -> None:
    first, second = await _reject(lanes, None, name="First"), await _reject(lanes, None, name="Second")

    assert await _again(lanes, first) == COUNTED
    assert await _again(lanes, second) == COUNTED
    assert await _name(lanes) == "Second"


async def test_the_older_of_several_without_a_version_comes_too_late_after_the_newer(lanes: Lanes) -> None:
    first, second = await _reject(lanes, None, name="First"), await _reject(lanes, None, name="Second")

    assert await _again(lanes, second) == COUNTED
    assert (await _again(lanes, first)).refused
    assert await _name(lanes) == "Second"


async def test_something_later_in_the_same_batch_counts_as_later(lanes: Lanes) -> None:
    """Both were written at one time, but they stand one after the other in the partition."""
    rejected = await _reject(lanes, None, offset=10)
    await lanes.take_records([lanes.record(lanes.event(7, None, first_name="Later"), 11)])
    await lanes.run("UPDATE rejected_event SET rejected_at = now() + interval '1 hour'")

    assert (await _again(lanes, rejected)).refused


async def test_something_later_is_known_after_the_history_is_gone(lanes: Lanes) -> None:
    rejected = await _reject(lanes, None)
    await lanes.take([lanes.event(7, None, first_name="Later")])
    await lanes.run("DELETE FROM intake_event")

    assert (await _again(lanes, rejected)).refused


async def test_without_a_version_it_is_refused_where_a_carried_one_is_known(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    rejected = await _reject(lanes, None)

    refused = (await _again(lanes, rejected)).refused

    assert refused is not None
    assert "a carried one is known" in refused


async def test_what_is_still_no_event_stays_rejected(lanes: Lanes) -> None:
    rejected = await _reject(lanes, None)
    await lanes.run("UPDATE rejected_event SET record_value = 'x'")

    refused = (await _again(lanes, rejected)).refused

    assert refused is not None
    assert refused.startswith("it is still no event of ours: json_invalid")


async def test_an_event_that_the_intake_is_taking_just_now_is_waited_for(lanes: Lanes) -> None:
    """Without a version the order of the two would be lost."""
    await lanes.take([lanes.event(7, None, first_name="Before")])
    rejected = await _reject(lanes, None)
    later: list[Any] = [lanes.record(lanes.event(7, None, first_name="Later"), lanes.next_offset())]
    async with lanes.database.transaction() as connection:
        await take(connection, "cluster", later, lanes.rules)
        asked = asyncio.create_task(_again(lanes, rejected))
        await eventually(lambda: lanes.waits_for_lock("test"))

    assert (await asked).refused
    assert await _name(lanes) == "Later"
