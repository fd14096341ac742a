"""Rule 34: routes are applied to every known order, in small steps, while all live processes have the same."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from infra.eventually import eventually
from infra.lanes import CLUSTER, NAME, SOURCE, Lanes

from sendto.sdk import Applied
from sendto_dispatcher.domain.routing import Routing, Rule
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.providers import ReplicaRow, heartbeat
from sendto_dispatcher.store.reroute import FIRST, ConfigurationsDiffer, Rerouted, reroute_some
from sendto_dispatcher.store.route_count import RouteCount, count_moves
from sendto_dispatcher.store.taking import Key

GB = {"order_type": "delivery", "address": {"country": "GB"}}
FR = {"order_type": "delivery", "address": {"country": "FR"}}
BRITISH = Rule(to=("british",), country=frozenset({"GB"}))


async def _live(lanes: Lanes, number: int, digest: str) -> None:
    row = ReplicaRow(id=str(number), host="here", pid=number, release="1", config_digest=digest)
    async with lanes.database.connection() as connection:
        await heartbeat(connection, row)


async def _apply(lanes: Lanes, digest: str = "new", *, limit: int = 2) -> list[Rerouted]:
    steps: list[Rerouted] = []
    after: Key | None = FIRST
    while after is not None:
        async with lanes.database.transaction() as connection:
            steps.append(await reroute_some(connection, digest, lanes.rules, after, limit=limit))
        after = steps[-1].after
    return steps


async def _at(lanes: Lanes) -> set[tuple[int, str, bool]]:
    rows = await lanes.rows("SELECT order_id, provider, desired_present FROM lane")
    return {(row["order_id"], row["provider"], row["desired_present"]) for row in rows}


def _route(lanes: Lanes, *rules: Rule, default: str = NAME) -> None:
    lanes.rules = replace(lanes.rules, routing=Routing(rules, (default,)))


async def test_orders_move_and_those_that_stay_are_left_alone(lanes: Lanes) -> None:
    for order_id, order in ((1, GB), (2, FR), (3, GB), (4, FR), (5, GB | {"shipment_provider": NAME})):
        await lanes.put(order_id, 1, order=order)
    for claim in await lanes.claim():
        await lanes.settle(claim, Applied(None))
    before = {order_id: await lanes.lane(order_id) for order_id in range(1, 6)}
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)

    steps = await _apply(lanes)

    assert (sum(step.looked_at for step in steps), sum(step.routed for step in steps)) == (5, 2)
    assert await _at(lanes) == {
        (1, NAME, False),
        (1, "british", True),
        (2, NAME, True),
        (3, NAME, False),
        (3, "british", True),
        (4, NAME, True),
        (5, NAME, True),
    }
    for order_id in (2, 4, 5):
        assert await lanes.lane(order_id) == before[order_id]
    for order_id in (1, 3):
        left = await lanes.lane(order_id)
        assert left["desired_generation"] > before[order_id]["desired_generation"]
        assert left["desired_version"] == 1
        assert left["due_at"] is not None
    assert sum(step.routed for step in await _apply(lanes)) == 0, "done once, there is nothing more to do"


async def test_what_an_event_says_later_is_compared_with_the_same_version(lanes: Lanes) -> None:
    await lanes.put(1, 5, order=GB)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)
    await _apply(lanes)

    await lanes.put(1, 5, first_name="Repeated", order=FR)
    assert (1, "british", True) in await _at(lanes)
    await lanes.put(1, 6, order=FR)

    assert await _at(lanes) == {(1, NAME, True), (1, "british", False)}


async def test_deleted_orders_keep_their_routes_and_unrouted_ones_are_found(lanes: Lanes) -> None:
    await lanes.put(1, 1, order=GB)
    await lanes.delete(1, 2)
    lanes.route()
    await lanes.put(2, 1, order=FR)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)

    await _apply(lanes)

    assert await _at(lanes) == {(1, NAME, False), (2, NAME, True)}
    assert (await lanes.lane(2))["due_at"] is not None


async def _state(lanes: Lanes) -> list[dict[str, Any]]:
    return await lanes.rows("SELECT route, providers FROM order_state ORDER BY order_id")


@pytest.mark.parametrize("digests", [[], ["old"], ["new", "old"]])
async def test_it_is_refused_while_live_processes_differ(lanes: Lanes, digests: list[str]) -> None:
    await lanes.put(1, 1, order=GB)
    before = await _state(lanes)
    for number, digest in enumerate(digests):
        await _live(lanes, number, digest)
    _route(lanes, BRITISH)

    with pytest.raises(ConfigurationsDiffer) as refused:
        await _apply(lanes)

    assert refused.value.digests == set(digests)
    assert await _state(lanes) == before


async def test_a_process_that_changes_its_configuration_half_way_stops_it_and_it_can_go_on(lanes: Lanes) -> None:
    for order_id in range(1, 6):
        await lanes.put(order_id, 1, order=GB)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)
    async with lanes.database.transaction() as connection:
        step = await reroute_some(connection, "new", lanes.rules, limit=2)
    await _live(lanes, 2, "other")
    assert step.after is not None
    with pytest.raises(ConfigurationsDiffer):
        async with lanes.database.transaction() as connection:
            await reroute_some(connection, "new", lanes.rules, step.after)
    assert [row["providers"] for row in await _state(lanes)] == [["british"]] * 2 + [[NAME]] * 3

    await lanes.run("UPDATE replica SET heartbeat_at = now() - interval '1 minute' WHERE id = '2'")
    await _apply(lanes)

    assert [row["providers"] for row in await _state(lanes)] == [["british"]] * 5


async def test_a_step_ends_where_a_provider_has_no_more_room(lanes: Lanes) -> None:
    for order_id, order in ((1, FR), (2, GB), (3, GB), (4, FR), (5, GB)):
        await lanes.put(order_id, 1, order=order)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)
    steps: list[Rerouted] = []
    after: Key | None = FIRST
    while after is not None:
        async with lanes.database.transaction() as connection:
            steps.append(await reroute_some(connection, "new", lanes.rules, after, room={"british": 1}))
        after = steps[-1].after

    assert [(step.looked_at, step.routed) for step in steps] == [(2, 1), (2, 1), (1, 1)]

    _route(lanes)
    async with lanes.database.transaction() as connection:
        stuck = await reroute_some(connection, "new", lanes.rules, room={"british": 0})
    assert (stuck.looked_at, stuck.routed, stuck.after) == (1, 0, (1, SOURCE)), "it has left the provider, too"


async def test_what_would_move_is_counted_by_the_ways_it_would_go(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendto_dispatcher.store.route_count._STRETCH", 2)
    for order_id, order in ((1, GB), (2, FR), (3, GB), (4, GB | {"shipment_provider": NAME}), (5, None)):
        await lanes.put(order_id, 1, order=order)
    await lanes.put(6, 1, order=GB)
    await lanes.delete(6, 2)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH, default="elsewhere")

    async with lanes.database.connection() as connection:
        counted = await count_moves(connection, lanes.rules)

    ways = {((NAME,), ("british",)): 2, ((NAME,), ("elsewhere",)): 2}
    assert counted == RouteCount(known=6, moves=Counter(ways))
    assert counted.orders == sum(step.routed for step in await _apply(lanes))
    async with lanes.database.connection() as connection:
        assert (await count_moves(connection, lanes.rules)).orders == 0


async def test_nothing_is_counted_where_nothing_is_known(lanes: Lanes) -> None:
    async with lanes.database.connection() as connection:
        assert await count_moves(connection, lanes.rules) == RouteCount(known=0, moves=Counter())


async def test_an_order_that_the_intake_is_moving_just_now_is_routed_as_it_will_be(lanes: Lanes) -> None:
    """Looked at without a lock it would still go to another provider than it does."""
    for order_id in (1, 2):
        await lanes.put(order_id, 1, order=GB)
    await _live(lanes, 1, "new")
    _route(lanes, BRITISH)
    newer = [lanes.record(lanes.event(1, 2, order=FR), lanes.next_offset())]
    async with lanes.database.transaction() as intake:
        await take(intake, CLUSTER, newer, lanes.rules)
        applying = asyncio.create_task(_apply(lanes))
        await eventually(lambda: lanes.waits_for_lock("test"))
    await applying

    assert await _at(lanes) == {(1, NAME, True), (2, NAME, False), (2, "british", True)}
    assert [row["providers"] for row in await _state(lanes)] == [[NAME], ["british"]]
