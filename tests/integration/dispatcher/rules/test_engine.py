"""Rules 15, 16, 18, 21 and 23 in the running engine, against a provider on a socket."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from infra.engine import Scripted, engine_settings, provider, running, until
from infra.eventually import eventually
from infra.lanes import Lanes
from infra.sandbox import Provider

from sendto.kernel.clock import SteeredClock, SystemClock
from sendto.runtime.database import Connection
from sendto.sdk import (
    Applied,
    Command,
    Health,
    HealthVerdict,
    Http,
    LookupFailed,
    Outcome,
    RemoteRef,
    Unauthorized,
)
from sendto_dispatcher.domain.endings import Released
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.plan import plan
from sendto_dispatcher.engine.attempt import Carrier
from sendto_dispatcher.store import claims
from sendto_dispatcher.store import providers as provider_store


async def test_rule_15_at_a_stop_what_was_sent_is_ambiguous_and_what_was_not_is_released(
    lanes: Lanes, remote: Provider
) -> None:
    await remote.behave(hang=1.0)
    for order_id in range(1, 4):
        await lanes.put(order_id, 1)
    # One request at a time, far apart: the first hangs, the second waits for its time, the third for a claim.
    settings = engine_settings(drain_s=0.2)
    async with running(lanes, [provider(remote.url, limits={"rate": "8/s", "concurrency": 2})], settings=settings):
        await eventually(remote.log)

    rows = await lanes.rows("SELECT attempts, in_doubt, lease_token, applied_present FROM lane")
    assert [row["lease_token"] for row in rows] == [None] * 3
    assert {row["attempts"] for row in rows} == {0}
    sent = len(await remote.log())
    assert sum(row["in_doubt"] for row in rows) == sent
    attempts = await lanes.rows("SELECT outcome, reason FROM attempt")
    assert attempts == [{"outcome": "ambiguous", "reason": "stopping"}] * sent


async def test_rule_16_the_deadline_counts_from_before_the_claim_and_is_looked_at_before_the_first_byte(
    lanes: Lanes, remote: Provider
) -> None:
    acme = provider(remote.url, limits={"timeout_s": 2})
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    clock = SteeredClock(claimed.state.occurred_at if claimed.state else pytest.fail("there is a state"))
    carrier = Carrier(acme, b"key", clock)
    deadline_s = clock.monotonic_s() + acme.timeout_s
    attempt = carrier.start(claimed)
    assert attempt.step == plan(claimed, acme.capabilities)

    clock.advance(2.001)
    [late] = await carrier.carry_out([attempt], deadline_s)

    assert (late.ending, late.sent, late.requests) == (Released("deadline_before_first_byte"), False, 0)
    assert await remote.log() == []
    assert acme.lease_s > acme.timeout_s + acme.capabilities.lookup_lag_s
    await acme.transport.close()


class Freezing(SystemClock):
    """The clock of a process that is frozen now and then."""

    def __init__(self) -> None:
        self.frozen_s = 0.0

    def monotonic_s(self) -> float:
        """What has passed for everyone else, too."""
        return super().monotonic_s() + self.frozen_s


async def test_rule_16_what_a_frozen_process_has_claimed_long_ago_is_not_sent(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It freezes with its claim, three times: for longer than an attempt may take."""
    clock, claimed = Freezing(), 0

    async def claim(connection: Connection, request: claims.ClaimRequest) -> list[Claim]:
        nonlocal claimed
        found = await claim_all(connection, request)
        claimed += len(found)
        if found and claimed <= 3:
            clock.frozen_s += 60.0
        return found

    claim_all = claims.claim
    monkeypatch.setattr(claims, "claim", claim)
    await lanes.put(7, 1)
    async with running(lanes, [provider(remote.url)], clock=clock):
        await remote.holds(7, version=1)
        await until(lanes, "due_at IS NULL")

    assert claimed == 4
    assert len(await remote.log()) == 1


class FreezesAfterLookUp(Scripted):
    """The process is frozen between the look-up and the create."""

    def __init__(self, url: str, clock: SteeredClock) -> None:
        super().__init__(url, "lookup")
        self._clock = clock

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Look up, then freeze."""
        found = await super().find(reference, http)
        self._clock.advance(60)
        return found


async def test_rule_16_a_create_after_a_look_up_is_released_when_it_is_too_late(lanes: Lanes, remote: Provider) -> None:
    await lanes.put(7, 1)
    await lanes.run("UPDATE lane SET in_doubt = true")
    [claimed] = await lanes.claim()
    assert claimed.state is not None
    clock = SteeredClock(claimed.state.occurred_at)
    acme = provider(remote.url, adapter=FreezesAfterLookUp(remote.url, clock))
    carrier = Carrier(acme, b"key", clock)

    [late] = await carrier.carry_out([carrier.start(claimed)], clock.monotonic_s() + acme.timeout_s)
    await lanes.settle_all([(claimed, late)])

    assert isinstance(late.ending, Released)
    assert await remote.log() == []
    row = await lanes.lane(7)
    assert (row["in_doubt"], row["attempts"]) == (False, 0)
    assert row["due_at"] is not None
    await acme.transport.close()


async def test_rule_18_a_create_whose_answer_is_lost_is_looked_up_after_the_lag_and_not_doubled(
    lanes: Lanes, remote: Provider
) -> None:
    """The provider saves after its answer was lost: who asked at once would be told that nothing is there."""
    adapter = Scripted(remote.url, "lookup")
    adapter.capabilities = replace(adapter.capabilities, lookup_lag_s=1.0)
    lanes.capabilities = adapter.capabilities
    await remote.behave(accept_duplicates=True, hang=1.0)
    async with running(lanes, [provider(remote.url, adapter=adapter, limits={"timeout_s": 0.3})]) as run:
        await lanes.put(7, 1)
        run.engine.wake()
        await until(lanes, "attempts = 1")
        await remote.behave(accept_duplicates=True)
        row = await lanes.lane(7)
        assert (row["due_at"], row["in_doubt"]) == (row["not_before"], True)
        assert (row["due_at"] - row["changed_at"]).total_seconds() >= 0.5  # the row was locked a moment before
        await remote.holds(7, version=1)
        await until(lanes, "due_at IS NULL")

    assert await remote.count() == 1


class TellsNothing(Scripted):
    """A look-up that gets a good status and no answer in it."""

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Raise what the classification of a 200 gives."""
        del reference, http
        raise LookupFailed(Applied())


async def test_rule_18_a_look_up_that_tells_nothing_applies_nothing(lanes: Lanes, remote: Provider) -> None:
    await lanes.put(7, 1)
    await lanes.run("UPDATE lane SET in_doubt = true")
    async with running(lanes, [provider(remote.url, adapter=TellsNothing(remote.url, "lookup"))]):
        await until(lanes, "attempts >= 2")

    row = await lanes.lane(7)
    assert (row["applied_present"], row["in_doubt"], row["reason"]) == (False, True, "lookup_unclear")
    assert await remote.log() == []


class Refuses(Scripted):
    """Answers 401; its check passes or fails."""

    def __init__(self, url: str, verdict: HealthVerdict) -> None:
        super().__init__(url)
        self.verdict = verdict
        self.refuses = True
        self.checks = 0

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Refuse."""
        return Unauthorized("http_401") if self.refuses else await super().apply(command, http)

    async def check(self, http: Http) -> Health:
        """Whether the credentials work."""
        del http
        self.checks += 1
        await asyncio.sleep(0.05)
        return Health(self.verdict, "bad\x00words")


async def test_rule_21_the_check_decides_that_the_lane_is_at_fault(lanes: Lanes, remote: Provider) -> None:
    adapter = Refuses(remote.url, HealthVerdict.PASSES)
    for order_id in range(1, 11):
        await lanes.put(order_id, 1)
    async with running(lanes, [provider(remote.url, adapter=adapter)]):
        await until(lanes, "resting = 'dead' AND reason = 'http_401'", 10)

    assert adapter.checks < 10  # those that ask at the same time share one
    assert (await lanes.provider())["held_at"] is None


async def test_rule_21_the_check_decides_that_the_provider_is_held_and_probed(lanes: Lanes, remote: Provider) -> None:
    adapter = Refuses(remote.url, HealthVerdict.FORBIDDEN)
    for order_id in range(1, 4):
        await lanes.put(order_id, 1)
    async with running(lanes, [provider(remote.url, adapter=adapter)]):

        async def held() -> bool:
            return bool((await lanes.provider())["hold_reason"] == "forbidden")

        await eventually(held)
        checks = adapter.checks
        await eventually(lambda: _more_than(adapter, checks))
        adapter.refuses = False
        for order_id in range(1, 4):
            await remote.holds(order_id)

    row = await lanes.provider()
    assert (row["held_at"], row["hold_reason"], row["stopped_since"]) == (None, None, None)
    assert row["stopped_s"] > 0
    assert await lanes.rows("SELECT 1 FROM lane WHERE resting IS NOT NULL OR attempts > 0") == []


async def _more_than(adapter: Refuses, checks: int) -> bool:
    return adapter.checks > checks


async def test_rule_23_a_429_blocks_all_lanes_of_the_provider_up_to_the_cap_and_resume_ends_it(
    lanes: Lanes, remote: Provider
) -> None:
    await remote.behave(errors={429: 1.0}, retry_after="100000", references=["1"])
    settings = engine_settings(retry_after_cap_s=300)
    async with running(lanes, [provider(remote.url)], settings=settings) as run:
        await lanes.put(1, 1)
        run.engine.wake()
        await until(lanes, "reason = 'rate_limited'")
        [row] = await lanes.rows("SELECT due_at - changed_at AS wait, attempts FROM lane")
        assert (row["wait"].total_seconds(), row["attempts"]) == (pytest.approx(86_400, abs=1), 0)

        async def blocked() -> Any:
            return (await lanes.provider())["blocked_until"]

        await eventually(blocked)
        [left] = await lanes.rows("SELECT blocked_until - clock_timestamp() AS wait FROM provider_state")
        assert 200 < left["wait"].total_seconds() <= 300
        await lanes.put(2, 1)
        run.engine.wake()
        await lanes.put(1, 2)  # newer state does not shorten the lane's own wait
        assert await remote.get(2) is None

        async with lanes.database.connection() as connection:
            await provider_store.resume(connection, "sandbox")
        await remote.holds(2)

    assert len(await remote.log(1)) == 1


async def test_rule_23_a_503_blocks_the_provider_only_once_its_breaker_is_open(lanes: Lanes, remote: Provider) -> None:
    await remote.behave(errors={503: 1.0}, retry_after="600")
    async with running(lanes, [provider(remote.url)]) as run:
        for order_id in range(1, 5):
            await lanes.put(order_id, 1)
        run.engine.wake()
        await until(lanes, "attempts = 1", 4)
        assert (await lanes.provider())["blocked_until"] is None

        await lanes.put(5, 1)
        run.engine.wake()
        await until(lanes, "attempts = 1", 5)

        async def blocked() -> bool:
            row = await lanes.provider()
            return row["opened_at"] is not None and row["blocked_until"] is not None

        await eventually(blocked)
