"""Rules 23 to 25, 27 and 30 at the store: gates, probes, the bucket of requests."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from infra.lanes import NAME, Lanes

from sendto.runtime.database import Connection
from sendto.sdk import Ambiguous, Applied, Capabilities, Idempotency, RateLimited, Transient
from sendto_dispatcher.domain.gate import Open, Probe, ProviderState, Shut, gate
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.pace import Bucket, Grant
from sendto_dispatcher.store import claims, providers

Change = Callable[[Connection], Awaitable[object]]


def _hold(connection: Connection) -> Awaitable[object]:
    return providers.hold(connection, NAME, "unauthorized", probe_s=0)


def _open(connection: Connection) -> Awaitable[object]:
    return providers.open_breaker(connection, NAME, probe_s=0)


def _pause(connection: Connection) -> Awaitable[object]:
    return providers.pause(connection, NAME, by="kim", reason=None)


def _resume(connection: Connection) -> Awaitable[object]:
    return providers.resume(connection, NAME)


def _recover(connection: Connection) -> Awaitable[object]:
    return providers.recover(connection, NAME)


async def _serve(connection: Connection) -> None:
    await providers.note_served(connection, NAME)


@pytest.fixture(autouse=True)
async def _known(lanes: Lanes) -> None:
    await lanes.provider()


async def _state(lanes: Lanes, *changes: Change) -> ProviderState:
    async with lanes.database.connection() as connection:
        for change in changes:
            await change(connection)
        return await providers.state(connection, NAME)


@pytest.mark.parametrize("stop", [_hold, _open])
async def test_rule_24_what_we_stop_a_recovery_ends_and_a_pause_it_does_not(lanes: Lanes, stop: Change) -> None:
    assert gate(await _state(lanes)) == Open()
    assert gate(await _state(lanes, stop)) == Probe()
    assert gate(await _state(lanes, _pause)) == Shut(None)
    assert gate(await _state(lanes, _recover)) == Shut(None)
    assert gate(await _state(lanes, _resume)) == Open()


@pytest.mark.parametrize("stop", [_hold, _open])
async def test_rule_24_a_resume_does_not_end_what_we_stopped(lanes: Lanes, stop: Change) -> None:
    assert gate(await _state(lanes, stop, _pause, _resume)) == Probe()


async def test_rule_23_a_resume_ends_the_provider_s_own_wait(lanes: Lanes) -> None:
    async with lanes.database.connection() as connection:
        await providers.block(connection, NAME, wait_s=600)
        await providers.block(connection, NAME, wait_s=10)
    blocked = gate(await _state(lanes))
    assert isinstance(blocked, Shut)
    assert blocked.wait_s is not None
    assert blocked.wait_s > 590

    assert gate(await _state(lanes, _resume)) == Open()


async def test_rule_27_the_time_that_counts_as_stopped_is_that_under_any_of_the_three(lanes: Lanes) -> None:
    await _state(lanes, _open, _hold, _pause)
    await lanes.run("UPDATE provider_state SET stopped_since = clock_timestamp() - interval '100 seconds'")
    assert (await _state(lanes, _recover)).stopped_s == pytest.approx(100, abs=5)
    assert (await _state(lanes, _resume)).stopped_s == pytest.approx(100, abs=5)
    row = await lanes.provider()
    assert (row["stopped_since"], row["stopped_s"]) == (None, pytest.approx(100, abs=5))

    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Transient("http_500"))
    assert (await lanes.lane(7))["failing_stopped_s"] == pytest.approx(100, abs=5)


async def test_rule_27_newer_state_is_as_young_as_its_own_first_failure(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claim] = await lanes.claim()
    await lanes.settle(claim, Transient("http_500"))
    await lanes.run("UPDATE lane SET failing_since = now() - interval '1 year'")
    await lanes.put(7, 2)
    await lanes.expire(7)

    [claim] = await lanes.claim()
    await lanes.settle(claim, Transient("http_500"))

    row = await lanes.lane(7)
    assert (row["resting"], row["attempts"]) == (None, 2)
    assert len(await lanes.rows("SELECT 1 FROM lane WHERE failing_since > now() - interval '1 hour'")) == 1


async def test_rule_27_a_lane_does_not_age_while_its_provider_is_open(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Transient("http_500"))
    await _state(lanes, _open)
    await lanes.run("UPDATE lane SET failing_since = clock_timestamp() - interval '5000 seconds'")
    await lanes.run("UPDATE provider_state SET stopped_since = clock_timestamp() - interval '4500 seconds'")
    await lanes.expire(7)

    [probing] = await lanes.claim()
    await lanes.settle(probing, Transient("http_500"))

    assert (await lanes.lane(7))["resting"] is None


@pytest.mark.parametrize(("served", "resting"), [(False, None), (True, "dead")])
async def test_rule_27_a_lane_does_not_age_while_nobody_serves_its_provider(
    lanes: Lanes, served: bool, resting: str | None
) -> None:
    await lanes.put(7, 1)
    await lanes.provider()
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Transient("http_500"))
    await lanes.run("UPDATE lane SET failing_since = clock_timestamp() - interval '5000 seconds'")
    silent_s = 10 if served else 4500
    await lanes.run("UPDATE provider_state SET served_at = clock_timestamp() - $1 * interval '1 second'", silent_s)
    await _state(lanes, _serve)
    await _state(lanes, _serve)
    await lanes.expire(7)

    [again] = await lanes.claim()
    await lanes.settle(again, Transient("http_500"))

    assert (await lanes.lane(7))["resting"] == resting


async def test_rule_27_a_paused_provider_that_nobody_serves_is_counted_once(lanes: Lanes) -> None:
    await _state(lanes, _pause)
    await lanes.run(
        "UPDATE provider_state SET stopped_since = now() - interval '1 hour', served_at = now() - interval '1 hour'"
    )

    await _state(lanes, _serve)

    assert (await lanes.provider())["stopped_s"] == 0


async def test_rule_25_only_one_process_wins_a_probe_of_an_interval(lanes: Lanes) -> None:
    await _state(lanes, _open)

    async def win() -> list[int] | None:
        async with lanes.database.connection() as connection:
            return await providers.win_probe(connection, NAME, interval_s=60)

    won = await asyncio.gather(*(win() for _ in range(5)))

    assert sorted(won, key=lambda one: one is None) == [[], None, None, None, None]


async def _probe(lanes: Lanes) -> int:
    """Probe with a lane, which fails; its order."""

    async def work(connection: Connection) -> Claim:
        besides = (await lanes.provider())["probed_lanes"]
        [found] = await claims.claim_probe(connection, await lanes.request(1), besides)
        await providers.note_probe(connection, NAME, found.lane.id)
        return found

    found = await lanes.database.in_transaction(work)
    await lanes.settle(found, Transient("http_500"))
    return found.lane.order_id


async def test_rule_25_each_probe_takes_another_lane_also_when_only_a_poisoned_one_is_due(lanes: Lanes) -> None:
    for order_id in range(1, 6):
        await lanes.put(order_id, 1)
    await lanes.run("UPDATE lane SET due_at = clock_timestamp() + interval '1 hour' WHERE order_id > 1")
    await lanes.run("UPDATE lane SET hanging = true WHERE order_id = 1")
    await _state(lanes, _open)

    probed = [await _probe(lanes) for _ in range(5)]

    assert probed[0] == 1
    assert sorted(probed) == [1, 2, 3, 4, 5]
    assert await _probe(lanes) in probed
    await _state(lanes, _recover)
    assert (await lanes.provider())["probed_lanes"] == []


async def test_rule_25_lanes_that_have_not_failed_are_probed_first_however_many_have(lanes: Lanes) -> None:
    """Else each lane that fails for ever costs an interval in which all the others wait."""
    failing, fresh = range(1, 31), range(31, 34)
    for order_id in failing:
        await lanes.put(order_id, 1)
    for claim in await lanes.claim():
        await lanes.settle(claim, Transient("http_500", timed_out=claim.lane.order_id % 2 == 0))
    await lanes.expire(*failing)
    for order_id in fresh:
        await lanes.put(order_id, 1)
    await lanes.run("UPDATE lane SET due_at = due_at + interval '1 hour' WHERE order_id = $1", fresh[-1])
    await _state(lanes, _open)

    probed = [await _probe(lanes) for _ in range(2 + len(failing))]

    assert probed[:2] == [31, 32]
    assert sorted(probed[2:]) == list(failing), "one that is not due yet waits for those that are"
    assert await _probe(lanes) == fresh[-1]


async def test_rule_25_the_memory_of_probes_is_bounded(lanes: Lanes) -> None:
    async with lanes.database.connection() as connection:
        for lane_id in range(1, 251):
            await providers.note_probe(connection, NAME, lane_id)
        await providers.note_probe(connection, NAME, 200)

    assert (await lanes.provider())["probed_lanes"] == [*range(152, 200), *range(201, 251), 200][-100:]


async def test_rule_25_a_lane_that_waits_for_a_cause_of_its_own_is_not_probed(lanes: Lanes) -> None:
    lanes.capabilities = Capabilities(idempotency=Idempotency.LOOKUP, lookup_lag_s=60)
    for order_id in (1, 2):
        await lanes.put(order_id, 1)
    [one, other] = await lanes.claim()
    await lanes.settle(one, RateLimited(600))
    await lanes.settle(other, Ambiguous("timeout"))

    async with lanes.database.transaction() as connection:
        assert await claims.claim_probe(connection, await lanes.request(1), []) == []


async def test_rule_25_when_it_goes_on_lanes_in_ordinary_backoff_become_due_spread_out(lanes: Lanes) -> None:
    for order_id in range(1, 201):
        await lanes.put(order_id, 1)
    claimed = await lanes.claim(200)
    await lanes.settle_all([(claim, lanes.finished(claim, Transient("http_500"))) for claim in claimed])
    await lanes.run("UPDATE lane SET due_at = clock_timestamp() + interval '1 hour', hanging = order_id % 3 = 0")
    await lanes.run("UPDATE lane SET not_before = due_at WHERE order_id = 200")

    async with lanes.database.connection() as connection:
        moved = 0
        while some := await providers.spread_waiting(connection, NAME, over_s=10):
            moved += some

    rows = await lanes.rows("SELECT order_id, due_at - clock_timestamp() AS wait FROM lane ORDER BY due_at")
    waits = [row["wait"] for row in rows]
    assert moved == 199
    assert rows[-1]["order_id"] == 200
    assert waits[-1] > timedelta(minutes=59)
    assert all(wait <= timedelta(seconds=10) for wait in waits[:-1])
    assert waits[-2] - waits[0] > timedelta(seconds=5)


async def _take(lanes: Lanes, bucket: Bucket, operations: int, *, each: int = 1, unused: int = 0) -> Grant:
    async def work(connection: Connection) -> Grant:
        return await providers.take_requests(
            connection, NAME, bucket, operations=operations, requests_each=each, unused=unused
        )

    return await lanes.database.in_transaction(work)


async def _level(lanes: Lanes, tokens: float) -> None:
    await lanes.run("UPDATE provider_state SET tokens = $1, tokens_at = clock_timestamp()", tokens)


SLOW = Bucket(rate_per_s=0.001, burst=10)


async def test_rule_30_what_was_not_used_goes_back(lanes: Lanes) -> None:
    assert (await _take(lanes, SLOW, 100)).operations == 10
    assert (await _take(lanes, SLOW, 100)).operations == 0
    assert (await _take(lanes, SLOW, 100, unused=4)).operations == 4
    async with lanes.database.connection() as connection:
        await providers.give_back(connection, NAME, SLOW, 3)
    assert (await _take(lanes, SLOW, 100)).operations == 3
    assert (await _take(lanes, SLOW, 100, unused=1_000)).operations == 10


async def test_rule_30_what_was_made_and_not_taken_is_paid_back(lanes: Lanes) -> None:
    await _level(lanes, 10)

    assert (await _take(lanes, SLOW, 100, unused=-4)).operations == 6


async def test_rule_30_a_clock_that_goes_back_takes_nothing_away(lanes: Lanes) -> None:
    await _level(lanes, 5)
    await lanes.run("UPDATE provider_state SET tokens_at = clock_timestamp() + interval '1 hour'")

    assert (await _take(lanes, SLOW, 100)).operations == 5


async def test_rule_30_takes_of_many_processes_add_up_to_what_there_is(lanes: Lanes) -> None:
    await _level(lanes, 10)

    grants = await asyncio.gather(*(_take(lanes, SLOW, 3, each=2) for _ in range(10)))

    assert sum(grant.requests for grant in grants) == 10
    assert sum(grant.operations for grant in grants) == 5


async def test_rule_30_the_first_statement_of_a_take_locks_the_bucket(lanes: Lanes) -> None:
    """Whoever comes second reckons with what the first one has left."""
    await _level(lanes, 1)
    async with lanes.database.transaction() as first:
        await providers.take_requests(first, NAME, SLOW, operations=1, requests_each=1, unused=0)
        second = asyncio.create_task(_take(lanes, SLOW, 1))
        await asyncio.sleep(0)
    assert (await second).operations == 0


async def test_a_settled_success_needs_no_provider_row(lanes: Lanes) -> None:
    await lanes.run("DELETE FROM provider_state")
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()

    await lanes.settle(claimed, Applied())

    assert (await lanes.lane(7))["due_at"] is None
