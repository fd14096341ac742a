"""Rules 1, 2, 3, 5, 7 and 11 in the tables: states, generations, positions, and what is in doubt."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from infra.eventually import eventually
from infra.lanes import CLUSTER, NAME, TOPIC, Lanes

from sendto.runtime.database import Connection
from sendto.sdk import AlreadyAbsent, Applied, Transient
from sendto_dispatcher.store import positions
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.taking import PositionLost, Record, Taken

PERSONAL = "Lovelace"


async def _everything(lanes: Lanes) -> str:
    """All rows that an order leaves, as text."""
    tables = ("order_state", "lane", "attempt", "intake_event", "lane_reference")
    rows = [row for table in tables for row in await lanes.rows(f"SELECT t::text AS text FROM {table} t")]
    return " ".join(str(row["text"]) for row in rows)


async def _state(lanes: Lanes, order_id: int) -> dict[str, Any]:
    [row] = await lanes.rows("SELECT * FROM order_state WHERE order_id = $1", order_id)
    return row


@pytest.mark.parametrize("routed", [True, False])
async def test_rule_1_a_deleted_order_leaves_its_version_and_nothing_personal(lanes: Lanes, routed: bool) -> None:
    lanes.route(*([NAME] if routed else []))
    await lanes.put(7, 1, last_name=PERSONAL, order={"order_type": "delivery", "comment": PERSONAL})
    assert PERSONAL in await _everything(lanes)

    await lanes.delete(7, 2)

    state = await _state(lanes, 7)
    assert (state["version"], state["present"], state["customer"], state["order_snapshot"]) == (2, False, None, None)
    assert PERSONAL not in await _everything(lanes)
    assert len(await lanes.rows("SELECT 1 FROM lane")) == routed


async def test_rule_11_older_state_does_not_bring_a_deleted_order_back(lanes: Lanes) -> None:
    await lanes.delete(7, 5)
    await lanes.put(7, 4)

    assert not (await _state(lanes, 7))["present"]
    assert await lanes.rows("SELECT 1 FROM lane") == []
    verdicts = [row["verdict"] for row in await lanes.rows("SELECT verdict FROM intake_event ORDER BY id")]
    assert verdicts == ["counted", "stale"]


async def test_rule_11_a_deletion_reaches_every_lane_of_the_order_whatever_it_names(lanes: Lanes) -> None:
    await lanes.put(7, 1, order={"order_type": "delivery", "shipment_provider": ["one", "two"]})
    for provider in ("one", "two"):
        [claim] = await lanes.claim(provider=provider)
        await lanes.settle(claim, Applied(None))

    await lanes.delete(7, 2)

    rows = await lanes.rows("SELECT provider, desired_present, due_at FROM lane ORDER BY provider")
    assert [(row["provider"], row["desired_present"]) for row in rows] == [("one", False), ("two", False)]
    assert all(row["due_at"] for row in rows)


async def test_rule_11_an_event_without_order_keeps_what_is_known_of_it(lanes: Lanes) -> None:
    await lanes.put(7, 1, order={"order_type": "delivery", "comment": "ring twice", "shipment_provider": "one"})
    lanes.route("elsewhere")
    await lanes.take([lanes.event(7, 2, first_name="Newer", order=None)])

    state = await _state(lanes, 7)
    assert (state["route"], state["providers"], state["order_snapshot"]["comment"]) == ("event", ["one"], "ring twice")
    assert state["customer"]["first_name"] == "Newer"


@pytest.mark.parametrize("ahead", [0, 10**9])
async def test_rule_2_every_change_raises_the_generation_to_the_clock_or_by_one(lanes: Lanes, ahead: int) -> None:
    """`ahead` milliseconds: the clock has gone back since, or the generation was raised many times within one."""
    await lanes.put(7, 1)
    await lanes.run("UPDATE lane SET desired_generation = desired_generation + $1", ahead)

    generations = [(await lanes.lane(7))["desired_generation"]]
    for change in (lanes.put(7, 2), lanes.put(7, 3), lanes.delete(7, 4), lanes.put(7, 5)):
        await change
        generations.append((await lanes.lane(7))["desired_generation"])

    assert generations == sorted(set(generations))
    [now] = await lanes.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms")
    if ahead:
        assert [after - before for before, after in pairwise(generations)] == [1, 1, 1, 1]
    else:
        assert all(now["ms"] - 60_000 < generation <= now["ms"] for generation in generations)


async def test_rule_2_a_restored_database_hands_no_generation_out_again(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    backup = await lanes.lane(7)
    await lanes.put(7, 2)
    await lanes.put(7, 3)
    lost = (await lanes.lane(7))["desired_generation"]

    await lanes.run("UPDATE lane SET desired_generation = $1, desired_version = 1", backup["desired_generation"])
    await lanes.run("UPDATE order_state SET version = 1")
    await lanes.put(7, 4)

    assert (await lanes.lane(7))["desired_generation"] > lost


async def test_rule_3_uncarried_events_count_up_and_are_rejected_after_a_carried_one(lanes: Lanes) -> None:
    await lanes.take([lanes.event(7, None), lanes.event(7, None)])
    await lanes.take([lanes.event(7, None)])
    assert (await _state(lanes, 7))["version"] == 3

    await lanes.take([lanes.event(7, 1), lanes.event(7, None)])

    state = await _state(lanes, 7)
    assert (state["carried"], state["version"]) == (True, 1)
    assert [row["reason"] for row in await lanes.rows("SELECT reason FROM rejected_event")] == ["unversioned"]


@pytest.mark.parametrize(("first", "second"), [(5, 4), (4, 5)])
async def test_rule_3_two_processes_that_meet_an_order_at_the_same_time_keep_the_newer_state(
    lanes: Lanes, first: int, second: int
) -> None:
    """Neither finds a row to lock: the second one's insert waits, and then must not overwrite what is newer."""
    await _place(lanes, {0: 0, 1: 0})
    theirs = [lanes.record(lanes.event(7, second), 0, partition=1)]

    async def take_theirs(connection: Connection) -> Taken:
        return await take(connection, CLUSTER, theirs, lanes.rules)

    async with lanes.database.transaction() as one:
        await take(one, CLUSTER, [lanes.record(lanes.event(7, first), 0)], lanes.rules)
        other = asyncio.create_task(lanes.database.in_transaction(take_theirs))
        await eventually(lambda: lanes.waits_for_lock("test"))
    assert (await other).verdicts["stale" if second < first else "counted"] == 1

    assert (await _state(lanes, 7))["version"] == 5
    assert (await lanes.lane(7))["desired_version"] == 5


def _records(lanes: Lanes, *offsets: int, partition: int = 0) -> list[Record]:
    return [lanes.record(lanes.event(offset, 1), offset, partition=partition) for offset in offsets]


async def _take(lanes: Lanes, records: list[Record], known: dict[tuple[str, int], int] | None = None) -> Taken:
    async with lanes.database.transaction() as connection:
        return await take(connection, CLUSTER, records, lanes.rules, known or {})


async def _place(lanes: Lanes, offsets: dict[int, int], cluster_id: str = CLUSTER, *, reset: bool = False) -> None:
    async with lanes.database.transaction() as connection:
        await positions.place(connection, TOPIC, cluster_id, offsets, reset=reset)


async def _positions(lanes: Lanes) -> dict[int, int]:
    rows = await lanes.rows("SELECT partition, next_offset FROM intake_position")
    return {row["partition"]: row["next_offset"] for row in rows}


async def test_rule_5_the_batch_of_a_process_that_lost_the_partition_changes_nothing(lanes: Lanes) -> None:
    await _place(lanes, {0: 0})
    late = _records(lanes, 0, 1, 2)
    assert (await _take(lanes, _records(lanes, 0, 1, 2, 3))).verdicts["counted"] == 4
    before = await _everything(lanes)

    assert (await _take(lanes, late)).verdicts["dropped"] == 3

    assert await _everything(lanes) == before
    assert await _positions(lanes) == {0: 4}


async def test_rule_5_two_processes_with_the_same_partition_take_turns_at_its_position(lanes: Lanes) -> None:
    await _place(lanes, {0: 0, 1: 0})
    async with lanes.database.transaction() as one:
        await take(one, CLUSTER, _records(lanes, 0, 1) + _records(lanes, 0, partition=1), lanes.rules)
        later = asyncio.create_task(_take(lanes, _records(lanes, 1, 2) + _records(lanes, 0, partition=1)))
        await eventually(lambda: lanes.waits_for_lock("test"))
    second = await later

    assert (second.verdicts["dropped"], second.verdicts["counted"]) == (2, 1)
    assert await _positions(lanes) == {0: 3, 1: 1}


async def test_rule_5_a_position_that_is_missing_or_of_another_cluster_takes_nothing(lanes: Lanes) -> None:
    with pytest.raises(PositionLost):
        await _take(lanes, _records(lanes, 0))
    await _place(lanes, {0: 0}, "another")
    with pytest.raises(PositionLost):
        await _take(lanes, _records(lanes, 0))
    assert await lanes.rows("SELECT 1 FROM order_state") == []


async def test_rule_7_a_position_that_was_put_back_under_a_running_process_is_noticed(lanes: Lanes) -> None:
    """Else the batch would jump over what the restored database has lost."""
    await _place(lanes, {0: 0})
    await _take(lanes, _records(lanes, 0, 1, 2))
    await lanes.run("UPDATE intake_position SET next_offset = 1")

    with pytest.raises(PositionLost):
        await _take(lanes, _records(lanes, 3), {(TOPIC, 0): 3})

    assert await _positions(lanes) == {0: 1}


async def test_rule_5_a_stored_position_only_rises_unless_it_is_reset(lanes: Lanes) -> None:
    await _place(lanes, {0: 5})
    await _place(lanes, {0: 3})
    assert await _positions(lanes) == {0: 5}
    await _place(lanes, {0: 9})
    assert await _positions(lanes) == {0: 9}
    await _place(lanes, {0: 2}, reset=True)
    assert await _positions(lanes) == {0: 2}
    await _place(lanes, {0: 1}, "another")
    assert await _positions(lanes) == {0: 1}


async def _doubt_all(lanes: Lanes, *, steps: int | None = None) -> None:
    after_id: int | None = 0
    while after_id is not None and steps != 0:
        async with lanes.database.transaction() as connection:
            after_id = await positions.doubt_some_lanes(connection, after_id, limit=2)
        steps = None if steps is None else steps - 1


async def test_rule_7_the_mark_reaches_every_lane_and_goes_on_after_a_crash_half_way(lanes: Lanes) -> None:
    for order_id in range(1, 8):
        await lanes.put(order_id, 1)
        [claim] = await lanes.claim()
        await lanes.settle(claim, Applied(None))

    await _doubt_all(lanes, steps=2)
    assert len(await lanes.rows("SELECT 1 FROM lane WHERE in_doubt")) == 4
    await _doubt_all(lanes)

    assert await lanes.rows("SELECT 1 FROM lane WHERE NOT in_doubt") == []


async def test_rule_7_a_lane_that_is_being_sent_keeps_the_mark_through_an_answer_that_nothing_was_done(
    lanes: Lanes,
) -> None:
    await lanes.put(7, 1)
    [claim] = await lanes.claim()

    await _doubt_all(lanes)
    await lanes.settle(claim, Transient("busy", nothing_done=True))

    assert (await lanes.lane(7))["in_doubt"]


async def test_rule_7_lanes_that_doubtful_records_make_and_move_are_in_doubt(lanes: Lanes) -> None:
    await lanes.put(1, 1)
    [claim] = await lanes.claim()
    await lanes.take([lanes.event(1, 2), lanes.event(2, 1)], doubtful=True)
    await lanes.settle(claim, Transient("busy", nothing_done=True))

    assert (await lanes.lane(1))["in_doubt"]
    assert (await lanes.lane(2))["in_doubt"]


async def test_rule_7_what_came_and_went_in_one_doubtful_batch_is_asked_for_everywhere(lanes: Lanes) -> None:
    """Its creation may have been sent before the database lost it, and its deletion not."""
    first = lanes.event(7, 1, order={"order_type": "delivery", "shipment_provider": "first"})
    await lanes.take([first, lanes.event(7, 2), lanes.event(7, 3, gone=True)], doubtful=True)

    for provider in ("first", NAME):
        lane = await lanes.lane(7, provider)
        assert (lane["desired_present"], lane["in_doubt"]) == (False, True)
        [claim] = await lanes.claim(provider=provider)
        await lanes.settle(claim, AlreadyAbsent())
        assert (await lanes.lane(7, provider))["due_at"] is None


async def test_rule_7_an_absent_lane_is_asked_for_again_after_doubtful_records(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    await lanes.delete(7, 2)
    assert (await lanes.lane(7))["due_at"] is None

    await lanes.take([lanes.event(7, 3), lanes.event(7, 4, gone=True)], doubtful=True)

    lane = await lanes.lane(7)
    assert (lane["desired_present"], lane["in_doubt"], lane["resting"]) == (False, True, None)
    assert lane["due_at"] is not None
    assert lane["desired_generation"] > lane["applied_generation"]


async def test_without_doubt_what_came_and_went_makes_no_lane(lanes: Lanes) -> None:
    await lanes.take([lanes.event(7, 1), lanes.event(7, 2, gone=True)])

    assert await lanes.rows("SELECT 1 FROM lane") == []


async def test_rule_7_nothing_is_claimed_in_a_database_that_was_not_cleared(lanes: Lanes) -> None:
    await lanes.put(7, 1)

    assert await lanes.claim(database="another one") == []
    assert (await lanes.lane(7))["lease_token"] is None

    [claim] = await lanes.claim()
    assert claim.lane.order_id == 7
