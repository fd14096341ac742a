"""Rules 31 and 32: of two orders exactly one has a reference, whoever comes first, goes, or comes back."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from infra.eventually import eventually
from infra.lanes import CLUSTER, NAME, TOPIC, Lanes

from sendto.runtime.database import Connection
from sendto.sdk import AlreadyAbsent, Applied, Capabilities, Idempotency, Transient
from sendto_dispatcher.store.intake import take

FIRST, SECOND = "/shop/first", "/shop/second"


async def _lane(lanes: Lanes, source: str) -> dict[str, Any]:
    [row] = await lanes.rows("SELECT * FROM lane WHERE source = $1", source)
    return row


async def _put(lanes: Lanes, source: str, version: int, *, gone: bool = False) -> None:
    await lanes.take([lanes.event(7, version, gone=gone, source=source)])


async def _owner(lanes: Lanes, reference: str = "7") -> str:
    [row] = await lanes.rows("SELECT source FROM lane_reference WHERE reference = $1", reference)
    return str(row["source"])


async def _deliver(lanes: Lanes) -> list[str]:
    """Carry out everything that is due; the sources whose lanes made a call."""
    claims = await lanes.claim()
    for claim in claims:
        await lanes.settle(claim, Applied(None))
    return [claim.lane.source for claim in claims]


async def test_rule_31_a_taken_lane_never_touches_the_provider_not_even_to_delete(lanes: Lanes) -> None:
    await _put(lanes, FIRST, 1)
    await _put(lanes, SECOND, 1)

    taken = await _lane(lanes, SECOND)
    assert (taken["resting"], taken["reason"], taken["due_at"]) == ("taken", "reference_taken", None)
    assert await _deliver(lanes) == [FIRST]
    await _put(lanes, SECOND, 2)
    await _put(lanes, SECOND, 3, gone=True)
    assert await _deliver(lanes) == []
    assert await lanes.rows("SELECT 1 FROM attempt WHERE source = $1", SECOND) == []


async def test_rule_31_two_orders_in_one_batch_get_one_owner(lanes: Lanes) -> None:
    await lanes.take([lanes.event(7, 1, source=SECOND), lanes.event(7, 1, source=FIRST)])

    resting = {row["source"]: row["resting"] for row in await lanes.rows("SELECT source, resting FROM lane")}
    assert sorted(resting.values(), key=str) == [None, "taken"]
    assert resting[await _owner(lanes)] is None


@pytest.mark.parametrize("sent", [True, False])
async def test_rule_31_an_owner_known_absent_gives_the_reference_up(lanes: Lanes, sent: bool) -> None:
    await _put(lanes, FIRST, 1)
    if sent:
        await _deliver(lanes)
    await _put(lanes, SECOND, 1)
    await _put(lanes, FIRST, 2, gone=True)
    if sent:
        await _put(lanes, SECOND, 2)
        assert (await _lane(lanes, SECOND))["resting"] == "taken", "the provider still holds the owner's object"
        await _deliver(lanes)

    await _put(lanes, SECOND, 3)

    assert await _owner(lanes) == SECOND
    assert (await _lane(lanes, SECOND))["resting"] is None
    assert await _deliver(lanes) == [SECOND]
    await _put(lanes, FIRST, 4)
    assert (await _lane(lanes, FIRST))["resting"] == "taken"


async def test_rule_31_an_owner_in_doubt_or_under_way_does_not(lanes: Lanes) -> None:
    await _put(lanes, FIRST, 1)
    [claim] = await lanes.claim()
    await _put(lanes, FIRST, 2, gone=True)

    await _put(lanes, SECOND, 1)
    assert (await _lane(lanes, SECOND))["resting"] == "taken"
    await lanes.settle(claim, Applied(None))
    await _put(lanes, SECOND, 2)
    assert (await _lane(lanes, SECOND))["resting"] == "taken"

    [claim] = await lanes.claim()
    await lanes.settle(claim, AlreadyAbsent())
    await _put(lanes, SECOND, 3)
    assert (await _lane(lanes, SECOND))["resting"] is None


async def test_rule_31_an_owner_whose_create_may_have_arrived_does_not(lanes: Lanes) -> None:
    await _put(lanes, FIRST, 1)
    [claim] = await lanes.claim()
    await lanes.settle(claim, Transient("timeout", timed_out=True))
    await _put(lanes, FIRST, 2, gone=True)

    await _put(lanes, SECOND, 1)

    owner = await _lane(lanes, FIRST)
    assert (owner["applied_present"], owner["lease_token"], owner["in_doubt"]) == (False, None, True)
    assert (await _lane(lanes, SECOND))["resting"] == "taken"


async def test_rule_31_an_owner_that_comes_back_meanwhile_keeps_it(lanes: Lanes) -> None:
    """The second order's statement began while the owner was still absent, and waited for the owner's return."""
    await _put(lanes, FIRST, 1)
    await _put(lanes, FIRST, 2, gone=True)
    await lanes.run("INSERT INTO intake_position VALUES ($1, 1, $2, 0)", TOPIC, CLUSTER)
    back = [lanes.record(lanes.event(7, 3, source=FIRST), 10)]
    other = [lanes.record(lanes.event(7, 1, source=SECOND), 0, partition=1)]

    async def work(connection: Connection) -> None:
        await take(connection, CLUSTER, other, lanes.rules)

    async with lanes.database.transaction() as connection:
        await take(connection, CLUSTER, back, lanes.rules)
        later = asyncio.create_task(lanes.database.in_transaction(work))
        await eventually(lambda: lanes.waits_for_lock("test"))
    await later

    assert await _owner(lanes) == FIRST
    assert (await _lane(lanes, FIRST))["resting"] is None
    assert (await _lane(lanes, SECOND))["resting"] == "taken"


async def test_rule_31_where_the_source_travels_along_nothing_is_taken(lanes: Lanes) -> None:
    lanes.rules = replace(lanes.rules, carrying=frozenset({NAME}))
    await _put(lanes, FIRST, 1)
    await _put(lanes, SECOND, 1)

    assert sorted(await _deliver(lanes)) == [FIRST, SECOND]
    assert await lanes.rows("SELECT 1 FROM lane_reference") == []


async def test_rule_31_a_taken_lane_goes_on_once_its_provider_is_known_to_carry_the_source(lanes: Lanes) -> None:
    await _put(lanes, FIRST, 1)
    await _put(lanes, SECOND, 1)
    lanes.rules = replace(lanes.rules, carrying=frozenset({NAME}))

    await _put(lanes, SECOND, 2)

    assert (await _lane(lanes, SECOND))["resting"] is None


async def test_rule_31_a_prefix_keeps_the_references_of_two_sources_apart(lanes: Lanes) -> None:
    lanes.rules = replace(lanes.rules, prefixes={SECOND: "S-"})
    await _put(lanes, FIRST, 1)
    await _put(lanes, SECOND, 1)

    assert {(await _lane(lanes, source))["reference"] for source in (FIRST, SECOND)} == {"7", "S-7"}
    assert len(await _deliver(lanes)) == 2


SPENT = Capabilities(idempotency=Idempotency.NATURAL_KEY, reference_reusable=False)


async def test_rule_32_the_next_incarnation_gets_a_number_and_owns_it(lanes: Lanes) -> None:
    lanes.capabilities = SPENT
    await _put(lanes, FIRST, 1)
    await _deliver(lanes)
    for number, version in ((2, 2), (3, 4)):
        await _put(lanes, FIRST, version, gone=True)
        await _deliver(lanes)
        assert (await _lane(lanes, FIRST))["reference"] == f"7-{number}"
        assert await _owner(lanes, f"7-{number}") == FIRST
        await _put(lanes, FIRST, version + 1)
        await _deliver(lanes)

    assert (await _lane(lanes, FIRST))["applied_present"]


@pytest.mark.parametrize("wanted", [True, False])
async def test_rule_31_a_next_incarnation_whose_reference_is_another_s_rests(lanes: Lanes, wanted: bool) -> None:
    lanes.capabilities = SPENT
    lanes.rules = replace(lanes.rules, prefixes={SECOND: "7-"})
    await _put(lanes, FIRST, 1)
    await _deliver(lanes)
    await lanes.take([lanes.event(2, 1, source=SECOND)])
    assert (await _lane(lanes, SECOND))["reference"] == "7-2"
    await _deliver(lanes)

    await _put(lanes, FIRST, 2, gone=True)
    [claim] = await lanes.claim()
    if wanted:
        await _put(lanes, FIRST, 3)
    await lanes.settle(claim, Applied(None))
    if not wanted:
        assert (await _lane(lanes, FIRST))["resting"] is None
        await _put(lanes, FIRST, 3)

    lane = await _lane(lanes, FIRST)
    assert (lane["reference"], lane["resting"], lane["due_at"]) == ("7-2", "taken", None)
    assert await _owner(lanes, "7-2") == SECOND
    assert await _deliver(lanes) == []
