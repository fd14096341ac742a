"""Rules 13 to 15, 18 and 26 at the store: claims, in the interleavings that they are made for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from infra.eventually import eventually
from infra.lanes import NAME, Lanes
from infra.postgres import settings

from sendto.runtime.database import Connection, Database
from sendto.sdk import Ambiguous, Applied, Capabilities, Idempotency, RateLimited, RemoteRef, Transient
from sendto_dispatcher.domain.endings import Interrupted, Released
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.plan import LookUp, NothingToDo, Send, plan
from sendto_dispatcher.store import claims
from sendto_dispatcher.store.replay import replay

REQUEST_KEY = Capabilities(idempotency=Idempotency.REQUEST_KEY, request_key_ttl_s=3_600)


@asynccontextmanager
async def another(url: str, name: str) -> AsyncIterator[Database]:
    """A process of its own, known to PostgreSQL by this name."""
    database = Database(settings(url), application_name=name)
    try:
        yield database
    finally:
        await database.close()


# A clock in front of PostgreSQL's own, which stops whoever reads it until the test lets it go on.
_SLOW_CLOCK = """
CREATE SCHEMA slow;
CREATE FUNCTION slow.statement_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_lock_shared(14);
    PERFORM pg_advisory_unlock_shared(14);
    RETURN pg_catalog.statement_timestamp();
END $$;
"""
_JOINED = """
WITH picked AS (
    SELECT l.id, l.desired_version, s.version FROM lane l
    JOIN order_state s ON s.order_id = l.order_id AND s.source = l.source
    WHERE provider = $1 AND due_at <= statement_timestamp() FOR UPDATE OF l SKIP LOCKED
)
SELECT desired_version, version FROM picked
"""


@pytest.mark.parametrize("joined", [False, True], ids=["two statements", "a join, as a proof of the interleaving"])
async def test_rule_14_the_payload_is_read_after_the_lock(lanes: Lanes, dispatch_url: str, joined: bool) -> None:
    await lanes.put(7, 1)
    await lanes.run(_SLOW_CLOCK)

    async def claim() -> tuple[int, int]:
        async with another(dispatch_url, "claiming") as database, database.transaction() as connection:
            await connection.execute("SET LOCAL search_path = slow, pg_catalog, public")
            if joined:
                row = await connection.fetchrow(_JOINED, NAME)
                assert row is not None
                return row["desired_version"], row["version"]
            [found] = await claims.claim(connection, await lanes.request())
            assert found.state is not None
            return found.lane.version.number, found.state.version.number

    async with lanes.database.connection() as gate:
        await gate.execute("SELECT pg_advisory_lock(14)")
        claiming = asyncio.create_task(claim())
        # The claim has taken its snapshot and stands before the lane's lock; now newer state is committed.
        await eventually(lambda: lanes.waits_for_lock("claiming", "advisory"))
        await lanes.put(7, 2)
        await gate.execute("SELECT pg_advisory_unlock(14)")

    assert await claiming == ((2, 1) if joined else (2, 2))


async def test_rule_13_claims_pass_by_each_other(lanes: Lanes) -> None:
    for order_id in range(1, 11):
        await lanes.put(order_id, 1)

    async with lanes.database.transaction() as one, lanes.database.transaction() as other:
        first = await claims.claim(one, await lanes.request(6))
        second = await claims.claim(other, await lanes.request(6))

    assert len(first) == 6
    assert len(second) == 4
    assert not {c.lane.id for c in first} & {c.lane.id for c in second}


async def test_rule_13_settles_and_intake_in_opposite_orders_do_not_fail(lanes: Lanes) -> None:
    orders = list(range(1, 41))
    await lanes.take([lanes.event(order_id, 1) for order_id in orders])

    async def settle() -> None:
        for _ in range(10):
            claimed = await lanes.claim()
            await lanes.settle_all([(c, lanes.finished(c, Applied())) for c in reversed(claimed)])

    async def intake() -> None:
        for version in range(2, 12):
            await lanes.take([lanes.event(order_id, version) for order_id in reversed(orders)])

    await asyncio.gather(settle(), intake(), settle())

    versions = await lanes.rows("SELECT DISTINCT desired_version FROM lane")
    assert versions == [{"desired_version": 11}]


async def _settle_all(acting: Lanes, lanes: Lanes, claimed: list[Claim]) -> None:
    await acting.settle_all([(one, lanes.finished(one, Transient("no"))) for one in reversed(claimed)])


async def _take_all(acting: Lanes, lanes: Lanes, claimed: list[Claim]) -> None:
    events = [lanes.event(one.lane.order_id, 2) for one in reversed(claimed)]
    await acting.take_records([lanes.record(event, lanes.next_offset()) for event in events])


async def _replay_all(acting: Lanes, lanes: Lanes, claimed: list[Claim]) -> None:
    del lanes
    async with acting.database.transaction() as connection:
        await replay(connection, [one.lane.id for one in reversed(claimed)])


@pytest.mark.parametrize(
    ("act", "table", "row"),
    [
        (_settle_all, "lane", "id"),
        (_replay_all, "lane", "id"),
        (_take_all, "lane", "id"),
        (_take_all, "order_state", "order_id"),
    ],
)
async def test_rule_13_whoever_locks_several_rows_begins_with_the_first(
    lanes: Lanes,
    dispatch_url: str,
    act: Callable[[Lanes, Lanes, list[Claim]], Coroutine[None, None, None]],
    table: str,
    row: str,
) -> None:
    """While somebody else has the first, no other is held: whoever has those cannot be waiting for us."""
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 7)])
    # Where nobody sorts, PostgreSQL comes to the first row last: it is written last.
    await lanes.run("UPDATE lane SET due_at = clock_timestamp() WHERE order_id = 1")
    await lanes.run("UPDATE order_state SET event_id = event_id || 'x' WHERE order_id = 1")
    claimed = await lanes.claim()

    async with another(dispatch_url, "acting") as database:
        acting = Lanes(database)
        async with lanes.database.transaction() as holding:
            [first, *others] = await holding.fetch(f"SELECT {row} FROM {table} ORDER BY 1")
            await holding.execute(f"SELECT FROM {table} WHERE {row} = $1 FOR UPDATE", first[0])
            locking = asyncio.create_task(act(acting, lanes, claimed))
            await eventually(lambda: lanes.waits_for_lock("acting"))
            free = await lanes.rows(f"SELECT {row} FROM {table} FOR UPDATE SKIP LOCKED")
        await locking

    assert len(others) == 5
    assert sorted(one[row] for one in free) == [one[0] for one in others]


async def test_rule_13_a_deadlock_is_tried_again(lanes: Lanes) -> None:
    await lanes.put(1, 1)
    await lanes.put(2, 1)
    both, tries = asyncio.Barrier(2), 0

    async def against(first: int, second: int) -> None:
        first_try = True

        async def work(connection: Connection) -> None:
            nonlocal tries, first_try
            tries += 1
            await connection.execute("UPDATE lane SET reason = 'x' WHERE order_id = $1", first)
            if first_try:
                first_try = False
                await both.wait()
            await connection.execute("UPDATE lane SET reason = 'x' WHERE order_id = $1", second)

        await lanes.database.in_transaction(work)

    await asyncio.gather(against(1, 2), against(2, 1))

    assert tries >= 3  # the one that begins anew may be the quicker one, and lose again


async def test_rule_15_a_claim_marks_the_lane_in_doubt_and_a_release_restores_what_it_found(lanes: Lanes) -> None:
    await lanes.put(7, 1)

    for doubt in (False, True):
        await lanes.run("UPDATE lane SET in_doubt = $1", doubt)
        [claimed] = await lanes.claim()
        assert (await lanes.lane(7))["in_doubt"]
        assert claimed.lane.in_doubt is doubt
        await lanes.settle(claimed, Released("stopping"), sent=False)
        assert (await lanes.lane(7))["in_doubt"] is doubt


async def test_rule_15_who_takes_a_lease_over_writes_the_earlier_attempt_as_ambiguous(lanes: Lanes) -> None:
    lanes.capabilities = Capabilities(idempotency=Idempotency.LOOKUP)
    await lanes.put(7, 1)
    [lost] = await lanes.claim()
    assert await lanes.claim() == []
    await lanes.expire(7)

    [taken] = await lanes.claim()

    [attempt] = await lanes.attempts(7)
    assert (attempt["outcome"], attempt["reason"], attempt["settled"]) == ("ambiguous", "lease_expired", False)
    assert attempt["lease_token"] == lost.lane.lease_token
    assert attempt["generation"] == lost.lane.generation
    assert plan(taken, lanes.capabilities) == LookUp()
    assert taken.lane.attempts == 0


async def test_rule_15_an_interrupted_call_spends_no_attempt_and_leaves_doubt(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()

    await lanes.settle(claimed, Interrupted())

    row = await lanes.lane(7)
    assert (row["attempts"], row["in_doubt"], row["lease_token"]) == (0, True, None)
    assert [attempt["outcome"] for attempt in await lanes.attempts(7)] == ["ambiguous"]


@pytest.mark.parametrize("doubt", [False, True])
async def test_rule_15_a_create_and_a_delete_that_were_never_sent_become_none_unless_in_doubt(
    lanes: Lanes, doubt: bool
) -> None:
    await lanes.put(7, 1)
    await lanes.run("UPDATE lane SET in_doubt = $1", doubt)

    await lanes.delete(7, 2)

    claimed = await lanes.claim()
    steps = [plan(claim, lanes.capabilities) for claim in claimed]
    assert [isinstance(step, Send) for step in steps] == ([True] if doubt else [])
    if not doubt:
        row = await lanes.lane(7)
        assert row["applied_generation"] == row["desired_generation"]


async def test_rule_15_a_delete_that_arrives_while_the_create_is_under_way_is_sent(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [creating] = await lanes.claim()
    await lanes.delete(7, 2)
    await lanes.settle(creating, Applied(RemoteRef("r-1")))

    [deleting] = await lanes.claim()

    assert plan(deleting, lanes.capabilities) == Send("delete", deleting.lane.generation, None)  # type: ignore[arg-type]  # the operation and step that the test has made sure of
    assert deleting.lane.remote == "r-1"


async def test_rule_15_a_delete_after_a_create_that_was_refused_for_now_makes_no_call(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [creating] = await lanes.claim()
    await lanes.delete(7, 2)
    await lanes.settle(creating, RateLimited(0))

    [left] = await lanes.claim()

    assert plan(left, lanes.capabilities) == NothingToDo()


async def test_rule_18_a_repeated_create_keeps_its_first_body_and_the_time_of_its_key(lanes: Lanes) -> None:
    lanes.capabilities = REQUEST_KEY
    await lanes.put(7, 1, first_name="First")
    [first] = await lanes.claim()
    kept_at = (await lanes.lane(7))["kept_at"]
    await lanes.settle(first, Ambiguous("timeout"))
    await lanes.put(7, 2, first_name="Second")
    await lanes.expire(7)

    [again] = await lanes.claim()

    step = plan(again, REQUEST_KEY)
    assert isinstance(step, Send)
    assert (step.operation, step.generation) == ("create", first.lane.generation)
    assert step.state is not None
    assert step.state.customer is not None
    assert step.state.customer.first_name == "First"
    assert (await lanes.lane(7))["kept_at"] == kept_at

    await lanes.settle(again, Applied(RemoteRef("r-1")), kept_was_sent=True)
    row = await lanes.lane(7)
    assert (row["applied_generation"], row["applied_version"]) == (first.lane.generation, 1)
    assert row["kept_body"] is None
    [newer] = await lanes.claim()
    step = plan(newer, REQUEST_KEY)
    assert isinstance(step, Send)
    assert (step.operation, step.state and step.state.version.number) == ("update", 2)


async def test_rule_18_a_key_is_as_old_as_its_first_use_however_often_it_is_repeated(lanes: Lanes) -> None:
    lanes.capabilities = REQUEST_KEY
    await lanes.put(7, 1)
    [first] = await lanes.claim()
    kept_at = (await lanes.lane(7))["kept_at"]
    for _ in range(2):
        await lanes.settle(first, Ambiguous("timeout"))
        await lanes.expire(7)
        [first] = await lanes.claim()

        step = plan(first, REQUEST_KEY)
        assert isinstance(step, Send)
        assert (step.operation, step.generation) == ("create", first.lane.generation)
        assert (await lanes.lane(7))["kept_at"] == kept_at


async def test_rule_18_a_key_that_was_surely_never_used_is_not_old(lanes: Lanes) -> None:
    lanes.capabilities = REQUEST_KEY
    await lanes.put(7, 1)
    [first] = await lanes.claim()
    await lanes.settle(first, Transient("http_503", nothing_done=True))
    assert (await lanes.lane(7))["kept_at"] is None
    await lanes.expire(7)

    [again] = await lanes.claim()

    assert not again.lane.in_doubt
    assert (await lanes.lane(7))["kept_at"] is not None


async def test_rule_18_a_body_that_was_erased_rests_as_unknown_and_is_never_sent_again(lanes: Lanes) -> None:
    lanes.capabilities = REQUEST_KEY
    await lanes.put(7, 1)
    [first] = await lanes.claim()
    await lanes.settle(first, Ambiguous("timeout"))
    await lanes.run("UPDATE lane SET kept_body = NULL")
    await lanes.expire(7)
    [again] = await lanes.claim()
    step = plan(again, REQUEST_KEY)
    assert not isinstance(step, Send | LookUp | NothingToDo)
    await lanes.settle(again, step, sent=False)  # type: ignore[arg-type]  # a rest

    for version in (2, 3):
        await lanes.put(7, version)
        [newer] = await lanes.claim()
        assert plan(newer, REQUEST_KEY) == step
        await lanes.settle(newer, step, sent=False)  # type: ignore[arg-type]  # the operation and step that the test has made sure of

    row = await lanes.lane(7)
    assert (row["resting"], row["due_at"], row["in_doubt"]) == ("unknown", None, True)


async def test_rule_23_an_unknown_outcome_is_revived_once_its_cause_is_gone(lanes: Lanes) -> None:
    lanes.capabilities = replace(REQUEST_KEY, idempotency=Idempotency.NONE)
    await lanes.put(7, 1)
    [first] = await lanes.claim()
    await lanes.settle(first, Ambiguous("timeout"))
    await lanes.expire(7)
    [again] = await lanes.claim()
    await lanes.settle(again, plan(again, lanes.capabilities), sent=False)  # type: ignore[arg-type]  # the operation and step that the test has made sure of
    assert (await lanes.lane(7))["resting"] == "unknown"

    lanes.capabilities = replace(REQUEST_KEY, idempotency=Idempotency.LOOKUP)
    await lanes.put(7, 2)

    [newer] = await lanes.claim()
    assert plan(newer, lanes.capabilities) == LookUp()


async def test_rule_26_hanging_lanes_take_no_more_than_their_share_and_are_not_starved(lanes: Lanes) -> None:
    for order_id in range(1, 21):
        await lanes.put(order_id, 1)
    await lanes.run("UPDATE lane SET hanging = true, due_at = due_at - interval '1 minute' WHERE order_id > 10")

    none = await lanes.claim(5, hanging=0)
    some = await lanes.claim(5, hanging=2)

    assert not any(claim.lane.hanging for claim in none)
    assert sorted(claim.lane.hanging for claim in some) == [False, False, False, True, True]


async def test_the_longest_due_goes_first(lanes: Lanes) -> None:
    for order_id in range(1, 6):
        await lanes.put(order_id, 1)
    await lanes.run("UPDATE lane SET due_at = clock_timestamp() - order_id * interval '1 second'")

    assert {claim.lane.order_id for claim in await lanes.claim(2)} == {4, 5}
