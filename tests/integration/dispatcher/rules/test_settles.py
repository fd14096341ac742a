"""Rules 2, 15 to 19, 23 and 29 at the store: settles that come late, twice, or beside newer state; and replays."""

from datetime import timedelta

import pytest
from infra.lanes import UPSERT, Lanes

from sendto.sdk import Accepted, Applied, Capabilities, Idempotency, Rejected, RemoteRef, Transient
from sendto_dispatcher.domain.endings import CONFIRM, Confirmed, Ending, Interrupted, Unchanged
from sendto_dispatcher.domain.plan import LookUp, Send, plan
from sendto_dispatcher.store.replay import replay, retry_now


async def _replay(lanes: Lanes, *order_ids: int) -> int:
    found = await lanes.rows("SELECT id FROM lane WHERE order_id = ANY($1)", list(order_ids))
    return await lanes.database.in_transaction(lambda c: replay(c, [row["id"] for row in found]))


async def _delivered(lanes: Lanes, order_id: int, version: int = 1) -> None:
    await lanes.put(order_id, version)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Applied(RemoteRef(f"r-{order_id}")))


async def test_rule_2_a_settle_that_served_an_older_generation_leaves_the_lane_due(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.put(7, 2)

    await lanes.settle(claimed, Applied(RemoteRef("r-1")))

    row = await lanes.lane(7)
    assert row["applied_generation"] == claimed.lane.generation < row["desired_generation"]
    assert (row["applied_version"], row["desired_version"]) == (1, 2)
    assert row["due_at"] is not None


async def test_rule_2_a_re_creation_gets_a_new_generation_and_so_a_new_key(lanes: Lanes) -> None:
    from sendto.sdk import AlreadyAbsent

    await _delivered(lanes, 7)
    await lanes.put(7, 2)
    [updating] = await lanes.claim()

    await lanes.settle(updating, AlreadyAbsent())

    [creating] = await lanes.claim()
    step = plan(creating, lanes.capabilities)
    assert isinstance(step, Send)
    assert step.operation == "create"
    assert step.generation > updating.lane.generation


@pytest.mark.parametrize("ending", [Applied(), Transient("http_500"), Rejected("http_422"), Interrupted()], ids=repr)
async def test_rule_16_a_fenced_settle_of_something_sent_raises_the_generation(lanes: Lanes, ending: Ending) -> None:
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await lanes.expire(7)
    [other] = await lanes.claim()
    await lanes.settle(other, Applied(RemoteRef("r-1")))
    before = await lanes.lane(7)

    settled = await lanes.settle(frozen, ending)

    row = await lanes.lane(7)
    assert settled.fenced == {frozen.lane.id}
    assert row["desired_generation"] > before["desired_generation"]
    assert (row["applied_version"], row["remote"], row["resting"]) == (1, "r-1", None)
    [last] = await lanes.claim()
    step = plan(last, lanes.capabilities)
    assert isinstance(step, Send)
    assert (step.operation, last.lane.in_doubt) == ("update", True)
    assert [attempt["settled"] for attempt in await lanes.attempts(7)] == [False, True, False]


async def test_rule_16_a_fenced_settle_of_nothing_sent_changes_nothing(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await lanes.expire(7)
    [other] = await lanes.claim()
    await lanes.settle(other, Applied())
    before = await lanes.lane(7)

    await lanes.settle(frozen, Transient("connect_failed", nothing_done=True), sent=False)

    assert await lanes.lane(7) == before


async def test_rule_16_asking_back_can_be_fenced_without_consequence(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await lanes.expire(7)
    [other] = await lanes.claim()
    await lanes.settle(other, Applied())
    before = await lanes.lane(7)

    await lanes.settle(frozen, Confirmed(present=True), operation=CONFIRM)

    assert await lanes.lane(7) == before


@pytest.mark.parametrize("present", [True, False])
async def test_rule_16_what_is_under_way_when_an_overtaken_call_ends_is_not_the_last(
    lanes: Lanes, present: bool
) -> None:
    """A frozen process thaws while its successor's call is under way: the provider may apply the old one last."""
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await (lanes.put(7, 2) if present else lanes.delete(7, 2))
    await lanes.expire(7)
    [successor] = await lanes.claim()
    await lanes.settle(frozen, Applied())

    await lanes.settle(successor, Applied(), operation="update" if present else "delete")

    row = await lanes.lane(7)
    assert (row["in_doubt"], row["digest"]) == (True, None)
    [last] = await lanes.claim()
    step = plan(last, lanes.capabilities)
    assert isinstance(step, Send)
    assert step.operation == ("update" if present else "delete")


async def test_rule_16_what_was_found_to_need_no_call_meanwhile_is_sent_all_the_same(lanes: Lanes) -> None:
    await _delivered(lanes, 7)
    await lanes.put(7, 2)
    [frozen] = await lanes.claim()
    await lanes.put(7, 3)
    await lanes.expire(7)
    [successor] = await lanes.claim()
    await lanes.settle(frozen, Applied())

    await lanes.settle(successor, Unchanged(), operation=None, sent=False)

    row = await lanes.lane(7)
    assert (row["digest"], row["in_doubt"]) == (None, True)
    assert row["due_at"] is not None


async def test_rule_16_a_look_up_after_it_waits_until_it_can_tell(lanes: Lanes) -> None:
    lanes.capabilities = Capabilities(idempotency=Idempotency.LOOKUP, lookup_lag_s=30)
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await lanes.expire(7)
    [successor] = await lanes.claim()
    await lanes.settle(successor, Rejected("http_422"))

    await lanes.settle(frozen, Transient("http_500"))

    row = await lanes.lane(7)
    assert row["due_at"] == row["not_before"]
    assert await lanes.claim() == []
    assert await lanes.database.in_transaction(lambda c: retry_now(c, [row["id"]])) == 1
    assert await lanes.claim() == []


@pytest.mark.parametrize("late_first", [False, True])
async def test_rule_16_both_ends_of_a_lane_in_one_batch(lanes: Lanes, late_first: bool) -> None:
    await lanes.put(7, 1)
    [frozen] = await lanes.claim()
    await lanes.expire(7)
    [successor] = await lanes.claim()
    ended = [(one, lanes.finished(one, Applied())) for one in (successor, frozen)]

    settled = await lanes.settle_all(reversed(ended) if late_first else ended)

    assert settled.fenced == {successor.lane.id}
    row = await lanes.lane(7)
    assert (row["in_doubt"], row["lease_token"]) == (True, None)
    assert row["due_at"] is not None
    called = {attempt["lease_token"]: attempt["settled"] for attempt in await lanes.attempts(7) if attempt["requests"]}
    assert called == {successor.lane.lease_token: True, frozen.lane.lease_token: False}


async def test_rule_16_a_settle_twice_is_fenced_the_second_time(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Applied())

    again = await lanes.settle(claimed, Applied())

    assert again.fenced == {claimed.lane.id}
    [last] = await lanes.claim()
    assert isinstance(plan(last, lanes.capabilities), Send)


async def test_rule_17_a_late_rejection_does_not_bury_newer_state(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.put(7, 2)

    await lanes.settle(claimed, Rejected("http_422"))

    row = await lanes.lane(7)
    assert (row["resting"], row["in_doubt"]) == (None, False)
    [newer] = await lanes.claim()
    assert newer.lane.version.number == 2


async def test_rule_17_another_late_failure_waits_as_usual(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.put(7, 2)

    await lanes.settle(claimed, Transient("http_500"))

    row = await lanes.lane(7)
    assert (row["attempts"], row["failing_since"]) == (1, None)
    assert await lanes.claim() == []


async def test_rule_19_a_lane_that_lost_its_create_creates_again(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [lost] = await lanes.claim()
    await lanes.settle(lost, Transient("timeout", timed_out=True))
    await lanes.expire(7)

    [again] = await lanes.claim()

    step = plan(again, UPSERT)
    assert isinstance(step, Send)
    assert step.operation == "create"


async def test_rule_23_newer_state_changes_neither_due_time_nor_attempts(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Transient("http_503", retry_after_s=3_600, nothing_done=True))
    before = await lanes.lane(7)

    await lanes.put(7, 2)

    row = await lanes.lane(7)
    assert (row["due_at"], row["not_before"], row["attempts"]) == (before["due_at"], before["not_before"], 1)
    assert row["failing_since"] is None


async def test_rule_23_newer_state_revives_a_dead_lane(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Rejected("http_422"))
    assert await lanes.claim() == []

    await lanes.put(7, 2)

    [revived] = await lanes.claim()
    assert (revived.lane.version.number, revived.lane.attempts) == (2, 0)


async def test_rule_28_newer_state_does_not_wait_for_a_confirmation(lanes: Lanes) -> None:
    lanes.capabilities = Capabilities(upsert=True, has_fetch=True)
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Accepted(RemoteRef("r-1")))
    row = await lanes.lane(7)
    assert (row["unconfirmed"], row["behind_since"]) == (True, None)
    assert row["due_at"] is not None
    assert await lanes.claim() == []

    await lanes.put(7, 2)

    [newer] = await lanes.claim()
    step = plan(newer, lanes.capabilities)
    assert isinstance(step, Send)
    assert step.operation == "update"


async def test_rule_29_a_replay_forgets_version_and_digest_and_keeps_the_reference(lanes: Lanes) -> None:
    await _delivered(lanes, 7)
    before = await lanes.lane(7)

    assert await _replay(lanes, 7) == 1

    row = await lanes.lane(7)
    assert row["desired_generation"] > before["desired_generation"]
    assert (row["remote"], row["applied_present"]) == ("r-7", True)
    assert (row["applied_version"], row["digest"]) == (None, None)
    [again] = await lanes.claim()
    step = plan(again, lanes.capabilities)
    assert isinstance(step, Send)
    assert step.operation == "update"


@pytest.mark.parametrize("idempotency", list(Idempotency))
async def test_rule_29_a_replay_makes_no_second_object(lanes: Lanes, idempotency: Idempotency) -> None:
    lanes.capabilities = Capabilities(idempotency=idempotency, request_key_ttl_s=60)
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.run("UPDATE lane SET kept_body = NULL")
    await lanes.settle(claimed, Transient("http_500"))

    await _replay(lanes, 7)

    [again] = await lanes.claim()
    step = plan(again, lanes.capabilities)
    sends = isinstance(step, Send)
    assert sends is lanes.capabilities.repeatable_create
    assert (step == LookUp()) is (idempotency is Idempotency.LOOKUP)


async def test_rule_29_a_replay_during_a_call_is_a_call_of_its_own(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await _replay(lanes, 7)
    assert await lanes.claim() == []

    await lanes.settle(claimed, Applied(RemoteRef("r-1")))

    [again] = await lanes.claim()
    assert again.lane.digest is None
    step = plan(again, lanes.capabilities)
    assert isinstance(step, Send)
    assert (step.operation, step.generation > claimed.lane.generation) == ("update", True)


async def test_rule_29_dead_lanes_go_on_and_taken_and_absent_ones_stay(lanes: Lanes) -> None:
    for order_id in (1, 2, 3):
        await lanes.put(order_id, 1)
    await lanes.delete(3, 2)
    await lanes.run("UPDATE lane SET resting = 'dead', due_at = NULL, reason = 'http_422' WHERE order_id = 1")
    await lanes.run("UPDATE lane SET resting = 'taken', due_at = NULL WHERE order_id = 2")

    assert await _replay(lanes, 1, 2, 3) == 1

    assert [claim.lane.order_id for claim in await lanes.claim()] == [1]
    assert (await lanes.lane(1))["reason"] is None


async def test_retry_now_passes_a_wait_over(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.settle(claimed, Transient("http_503", retry_after_s=3_600, nothing_done=True))
    row = await lanes.lane(7)
    assert row["due_at"] - row["changed_at"] > timedelta(minutes=59)

    assert await lanes.database.in_transaction(lambda c: retry_now(c, [row["id"]])) == 1

    assert len(await lanes.claim()) == 1
