"""Rules 25, 26, 28 and 37 in the running engine, what makes no call, and what a plugin's bugs cost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from infra.engine import Scripted, engine_settings, provider, running, until
from infra.eventually import eventually
from infra.lanes import Lanes
from infra.sandbox import Provider

from sendto.runtime.database import Connection
from sendto.sdk import (
    Accepted,
    Applied,
    Command,
    Http,
    NotSent,
    Outcome,
    RemoteRef,
    RemoteState,
    Transient,
)
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.engine import settler, slots
from sendto_dispatcher.store import claims
from sendto_dispatcher.store.settles import AttemptRecord, Settled, write_settles


async def test_rule_25_a_provider_that_is_down_gets_probes_with_other_lanes_and_its_full_rate_when_it_is_back(
    lanes: Lanes, remote: Provider
) -> None:
    orders = range(1, 301)
    await lanes.take([lanes.event(order_id, 1) for order_id in orders])
    await remote.behave(errors={500: 1.0})
    async with running(lanes, [provider(remote.url, limits={"concurrency": 16})]):

        async def probed() -> bool:
            return len((await lanes.provider())["probed_lanes"]) >= 8

        await eventually(probed)
        log = await remote.log()
        opened = await lanes.rows("SELECT started_at FROM attempt, provider_state WHERE started_at > opened_at")
        assert len(log) < 100
        probes = log[-min(len(opened), 8) :]
        assert len({entry["reference"] for entry in probes}) == len(probes)
        await remote.behave()
        for order_id in orders:
            await remote.holds(order_id)

    assert (await lanes.provider())["opened_at"] is None
    assert await lanes.rows("SELECT 1 FROM lane WHERE resting IS NOT NULL") == []


async def test_rule_25_when_a_provider_is_back_lanes_do_not_wait_for_the_end_of_their_backoff(
    lanes: Lanes, remote: Provider
) -> None:
    orders = range(1, 41)
    await lanes.take([lanes.event(order_id, 1) for order_id in orders])
    await remote.behave(errors={500: 1.0})
    hours = provider(remote.url, limits={"concurrency": 16}, retry={"base_s": 36_000, "cap_s": 36_000})
    async with running(lanes, [hours]):

        async def opened() -> bool:
            return (await lanes.provider())["opened_at"] is not None

        await eventually(opened)
        await remote.behave()
        for order_id in orders:
            await remote.holds(order_id)

    assert await lanes.rows("SELECT 1 FROM attempt WHERE outcome = 'transient'") != []


async def test_rule_25_one_lane_that_fails_for_ever_neither_opens_the_breaker_nor_starves_the_others(
    lanes: Lanes, remote: Provider
) -> None:
    await remote.behave(errors={500: 1.0}, references=["1"])
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 101)])
    async with running(lanes, [provider(remote.url, limits={"concurrency": 2})]):
        for order_id in range(2, 101):
            await remote.holds(order_id)
        await until(lanes, "attempts >= 2")
        assert (await lanes.provider())["opened_at"] is None


class _FailsTwice(Scripted):
    """Takes ten calls, keeps the next two waiting and then fails them, and takes the rest."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.calls = 0
        self.failing = asyncio.Event()

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Answer by the number of the call."""
        del command, http
        self.calls += 1
        if self.calls not in {11, 12}:
            return Applied()
        await self.failing.wait()
        return Transient("no")


async def test_what_was_claimed_ahead_goes_on_at_once_though_the_last_calls_failed_and_nothing_else_is_due(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_AHEAD_S", 1e6)  # as soon as one was answered, all others are claimed
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 41)])
    adapter = _FailsTwice(remote.url)
    slow = provider(remote.url, adapter=adapter, limits={"concurrency": 2}, retry={"base_s": 600, "cap_s": 600})
    async with running(lanes, [slow], settings=engine_settings(poll_interval_s=600)):
        await until(lanes, "lease_token IS NOT NULL", 30)
        await until(lanes, "applied_present", 10)
        adapter.failing.set()
        await until(lanes, "applied_present", 38)


class _Counting(Scripted):
    """Takes everything, and knows how many calls were made of which no outcome is written."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.open = 0
        self.most = 0

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Make a request that is answered, and count it."""
        self.open += 1
        self.most = max(self.most, self.open)
        return await super().apply(command, http)


async def test_no_more_calls_than_slots_are_without_a_written_outcome_so_that_a_death_repeats_no_more(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_AHEAD_S", 1e6)
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 101)])
    adapter = _Counting(remote.url)

    async def written(connection: Connection, records: Sequence[AttemptRecord], *rest: Any, **more: Any) -> Settled:
        settled = await write_settles(connection, records, *rest, **more)
        adapter.open -= len(records)
        return settled

    monkeypatch.setattr(settler, "write_settles", written)
    async with running(lanes, [provider(remote.url, adapter=adapter, limits={"concurrency": 8})]):
        await until(lanes, "applied_present", 100)

    assert 1 < adapter.most <= 8


async def test_rule_37_while_much_is_due_a_look_begins_where_the_last_one_stood_and_before_a_rest_at_the_front(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[tuple[datetime | None, int]] = []

    async def claim(connection: Connection, request: claims.ClaimRequest) -> list[Claim]:
        found = await claim_all(connection, request)
        looks.append((request.since, len(found)))
        return found

    claim_all = claims.claim
    monkeypatch.setattr(claims, "claim", claim)
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 41)])
    acme = provider(remote.url, limits={"concurrency": 4})
    async with running(lanes, [acme], settings=engine_settings(claim_lanes=4, poll_interval_s=600)):
        await until(lanes, "applied_present", 40)

        async def rests() -> bool:
            return looks[-1] == (None, 0)

        await eventually(rests)

    assert looks[0][0] is None
    assert sum(found for since, found in looks if since is not None) > 0


async def test_rule_26_hanging_lanes_take_a_tenth_of_the_slots(lanes: Lanes, remote: Provider) -> None:
    hanging = [str(order_id) for order_id in range(1, 11)]
    await remote.behave(hang=1.0, references=hanging)
    acme = provider(remote.url, limits={"concurrency": 10, "timeout_s": 0.4})
    await lanes.take([lanes.event(int(reference), 1) for reference in hanging])
    async with running(lanes, [acme], settings=engine_settings(breaker_lanes=1_000)) as run:
        await until(lanes, "hanging", 10)
        most = 0

        async def some_more() -> bool:
            nonlocal most
            most = max(most, run.engine.in_flight["sandbox"])
            return len(await remote.log()) >= 14

        await eventually(some_more)
        assert most == 1
        await lanes.take([lanes.event(order_id, 1) for order_id in range(100, 130)])
        run.engine.wake()
        for order_id in range(100, 130):
            await remote.holds(order_id)
        await remote.behave()
        for reference in hanging:
            await remote.holds(reference)


class Accepts(Scripted):
    """A provider that accepts, and shows what it has saved when it has."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.capabilities = replace(self.capabilities, async_apply=True, has_fetch=True)
        self.fetches = 0

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Accept; the reference is the id."""
        outcome = await super().apply(command, http)
        return Accepted(RemoteRef(command.reference)) if isinstance(outcome, Applied) else outcome

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What is shown under the reference."""
        self.fetches += 1
        found = await self._get(remote.value, http)
        if found is None:
            return None
        return RemoteState(
            remote, {key: found.get(key) for key in ("first_name", "last_name", "email", "phone", "order")}
        )


async def test_rule_28_what_is_accepted_is_unconfirmed_until_the_provider_shows_it(
    lanes: Lanes, remote: Provider
) -> None:
    adapter = Accepts(remote.url)
    settings = engine_settings(confirm_after_s=1.0)
    await remote.behave(save_late_s=0.3)
    async with running(lanes, [provider(remote.url, adapter=adapter, settings=settings)], settings=settings) as run:
        await lanes.put(7, 1)
        run.engine.wake()
        await until(lanes, "unconfirmed AND applied_version = 1")
        await until(lanes, "NOT unconfirmed AND applied_version = 1 AND due_at IS NULL")
        await remote.holds(7, version=1)
        await remote.behave()
        await lanes.delete(7, 2)
        run.engine.wake()
        await remote.lacks(7)
        await until(lanes, "NOT unconfirmed AND NOT applied_present AND due_at IS NULL")

    outcomes = [attempt["outcome"] for attempt in await lanes.attempts(7)]
    assert outcomes[0] == "accepted"
    assert outcomes.count("confirmed") == 2
    assert await remote.count() == 0


async def test_rule_28_what_was_accepted_and_never_applied_is_sent_again(lanes: Lanes, remote: Provider) -> None:
    adapter = Accepts(remote.url)
    settings = engine_settings(confirm_after_s=0.1)
    await remote.behave(apply_then={}, errors={202: 1.0})
    async with running(lanes, [provider(remote.url, adapter=adapter, settings=settings)], settings=settings) as run:
        await lanes.put(7, 1)
        run.engine.wake()
        await until(lanes, "reason = 'not_applied'")
        await remote.behave()
        await remote.holds(7, version=1)
        await until(lanes, "NOT unconfirmed AND due_at IS NULL")

    keys = [entry["idempotency_key"] for entry in await remote.log(7)]
    assert len(set(keys)) == len(keys) >= 2


async def test_an_update_that_changes_nothing_that_is_sent_makes_no_call(lanes: Lanes, remote: Provider) -> None:
    async with running(lanes, [provider(remote.url)]) as run:
        await lanes.put(7, 1)
        run.engine.wake()
        await until(lanes, "applied_version = 1")
        await lanes.put(7, 2)
        run.engine.wake()
        await until(lanes, "applied_version = 2 AND due_at IS NULL")

    assert len(await remote.log(7)) == 1


async def test_a_retry_sends_the_newest_state_and_ten_updates_in_a_throttled_time_make_one_call(
    lanes: Lanes, remote: Provider
) -> None:
    await remote.behave(errors={429: 1.0}, retry_after="1")
    async with running(lanes, [provider(remote.url)]) as run:
        await lanes.put(7, 1)
        run.engine.wake()
        await until(lanes, "reason = 'rate_limited'")
        for version in range(2, 12):
            await lanes.put(7, version, first_name=f"Ada {version}")
        await remote.behave()
        await remote.holds(7, version=11)

    assert [entry["version"] for entry in await remote.log(7)] == [1, 11]


class Breaks(Scripted):
    """A plugin with bugs."""

    def __init__(self, url: str, returns: Any) -> None:
        super().__init__(url)
        self._returns = returns

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Return what is no outcome, or raise."""
        del command, http
        if isinstance(self._returns, Exception):
            raise self._returns
        outcome: Outcome = self._returns
        return outcome


@pytest.mark.parametrize(
    "returns",
    [None, Applied("r-1"), ValueError("with\x00personal data"), NotSent("x" * 500), TimeoutError()],  # type: ignore[arg-type]  # a plugin may do anything
    ids=repr,
)
async def test_a_plugin_s_bug_costs_its_own_lane_only(lanes: Lanes, remote: Provider, returns: Any) -> None:
    await lanes.put(7, 1)
    async with running(lanes, [provider(remote.url, adapter=Breaks(remote.url, returns))]):
        await until(lanes, "attempts >= 2")

    row = await lanes.lane(7)
    assert (row["applied_present"], row["in_doubt"], row["resting"]) == (False, False, None)
    assert "personal" not in f"{row['reason']} {row['detail']}"


async def test_a_loop_that_crashes_takes_readiness_down(lanes: Lanes, remote: Provider) -> None:
    async with running(lanes, [provider(remote.url)], crashes="engine.sandbox") as run:
        await lanes.run("ALTER TABLE lane RENAME TO lost")
        assert await asyncio.wait_for(run.supervisor.crashed(), 30) == "engine.sandbox"


class Explodes(Scripted):
    """Raises what nobody expects."""

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Be no exception of the usual kind."""
        del command, http
        raise BaseExceptionGroup("odd", [GeneratorExit()])


async def test_a_call_that_crashes_ends_the_loop_and_not_silently(lanes: Lanes, remote: Provider) -> None:
    await lanes.put(7, 1)
    async with running(lanes, [provider(remote.url, adapter=Explodes(remote.url))], crashes="engine.sandbox") as run:
        assert await asyncio.wait_for(run.supervisor.crashed(), 30) == "engine.sandbox"


class NeverEnds(Scripted):
    """Does not end for one order, not even when it is cut off."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.let_go = asyncio.Event()
        self.caught = 0

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Wait for as long as the test wants it to."""
        while command.order_id == 1 and not self.let_go.is_set():
            try:
                await self.let_go.wait()
            except asyncio.CancelledError:
                self.caught += 1
        return await super().apply(command, http)


async def test_a_call_that_never_ends_keeps_neither_its_slot_nor_the_stop(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "NEVER_ENDS_S", 0.2)
    adapter = NeverEnds(remote.url)
    await lanes.put(1, 1)
    settings = engine_settings(drain_s=0.5)
    async with running(
        lanes,
        [provider(remote.url, adapter=adapter, limits={"concurrency": 1, "timeout_s": 0.5}, settings=settings)],
        settings=settings,
    ) as run:
        await until(lanes, "lease_token IS NOT NULL")
        await lanes.put(2, 1)
        await remote.holds(2)
        await asyncio.wait_for(run.stop(), 30)
    assert adapter.caught
    assert await remote.get(1) is None
    adapter.let_go.set()
