"""Rule 30 in the running engine: a rate limit is used and kept, by one process and by three."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from infra.engine import Scripted, engine_settings, provider, running
from infra.eventually import eventually
from infra.lanes import NAME, Lanes
from infra.sandbox import Provider

from sendto.runtime.database import Connection
from sendto.sdk import Applied, Command, Health, HealthVerdict, Http, HttpRequest, Operation, Outcome, Unauthorized
from sendto_dispatcher.adapters.sandbox import SandboxAdapter, SandboxConfig
from sendto_dispatcher.domain.pace import LATE_S, Bucket, Grant
from sendto_dispatcher.engine import settler
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.settles import AttemptRecord, Settled, write_settles

RATE, ORDERS = 50, 150


async def _applied(lanes: Lanes, orders: int) -> None:
    async def all_of_them() -> bool:
        return len(await lanes.rows("SELECT 1 FROM lane WHERE applied_present")) == orders

    await eventually(all_of_them)


@pytest.mark.parametrize("processes", [1, 3])
async def test_rule_30_calls_are_spaced_and_the_limit_is_kept_by_all_processes_together(
    lanes: Lanes, remote: Provider, processes: int
) -> None:
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, ORDERS + 1)])
    acme = provider(remote.url, limits={"rate": f"{RATE}/s"})
    async with AsyncExitStack() as stack:
        for number in range(processes):
            one = acme if number == 0 else provider(remote.url, limits={"rate": f"{RATE}/s"})
            await stack.enter_async_context(running(lanes, [one], replica=f"replica {number}"))
        await _applied(lanes, ORDERS)

    times = sorted(entry["at"] for entry in await remote.log())
    assert len(times) == ORDERS
    # However they are shared out, so many never go out in much less time. A sandbox that is held up logs some of them
    # late and close together; the shorter times are for the pure tests of `domain.pace`.
    assert times[-1] - times[0] > (ORDERS - 1) / RATE - 1
    # What a second's worth of requests would be at once is not: each has its own time.
    gaps = sorted(end - start for start, end in pairwise(times))
    assert gaps[len(gaps) // 2] > 0.2 / RATE
    assert len({row["replica"] for row in await lanes.rows("SELECT replica FROM attempt")}) == processes


QUICK = Bucket(rate_per_s=300.0, burst=5.0)


async def _turns(lanes: Lanes, seed: int, turns: list[float]) -> None:
    """Take requests as one of several processes does; note at which time of the database each may start."""
    random_ = random.Random(seed)  # noqa: S311 - to be the same each time
    unused = 0

    async def take(connection: Connection) -> tuple[Grant, float]:
        grant = await provider_store.take_requests(
            connection, NAME, QUICK, operations=random_.randint(1, 30), requests_each=1, unused=unused
        )
        taken_at = "SELECT extract(epoch FROM tokens_at)::float8 FROM provider_state WHERE provider = $1"
        return grant, await connection.fetchval(taken_at, NAME)

    while len(turns) < ORDERS:
        grant, at_s = await lanes.database.in_transaction(take)
        made = grant.requests - random_.choice([0, 0, min(grant.requests, 3)])
        unused = grant.requests - made
        turns += [at_s + grant.delay_s(number) for number in range(1, made + 1)]
        await asyncio.sleep(grant.wait_s)
    async with lanes.database.connection() as connection:
        await provider_store.give_back(connection, NAME, QUICK, unused)


async def test_rule_30_by_the_database_s_clock_no_time_holds_more_turns_than_a_burst_and_the_rate(lanes: Lanes) -> None:
    """However the machine holds the processes up: what they do with their turns is for the pure tests."""
    await lanes.provider()
    turns: list[float] = []
    await asyncio.gather(*(_turns(lanes, seed, turns) for seed in range(3)))

    turns.sort()
    for number, first in enumerate(turns):
        for count, last in enumerate(turns[number:], start=1):
            assert count <= QUICK.burst + (last - first) * QUICK.rate_per_s + 1e-3


class HeldUp(Scripted):
    """Holds its whole process up in its first call."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.calls = 0

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Take everything."""
        del command, http
        self.calls += 1
        if self.calls == 1:
            time.sleep(5 * LATE_S)  # noqa: ASYNC251 - so that nothing else runs
        return Applied()


async def test_rule_30_what_a_process_that_was_held_up_is_late_with_has_lost_its_turn_and_takes_another(
    lanes: Lanes, remote: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[AttemptRecord] = []

    async def write(connection: Connection, records: Sequence[AttemptRecord], *rest: Any, **more: Any) -> Settled:
        written.extend(records)
        return await write_settles(connection, records, *rest, **more)

    monkeypatch.setattr(settler, "write_settles", write)
    adapter = HeldUp(remote.url)
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 21)])
    async with running(lanes, [provider(remote.url, adapter=adapter, limits={"rate": f"{RATE}/s"})]):
        await _applied(lanes, 20)

    # Turns are taken a fifth of a second ahead: all of those had passed.
    assert [one for one in written if one.reason == "turn_has_passed"]
    assert adapter.calls == 20


class Costly(SandboxAdapter):
    """May make three requests for each operation, and makes one; a refusal costs a check besides."""

    def __init__(self, url: str) -> None:
        super().__init__(SandboxConfig.model_validate({"url": url}))
        self.capabilities = replace(self.capabilities, requests=dict.fromkeys(Operation, 3))
        self.refuses = False

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Make one request."""
        return Unauthorized() if self.refuses else await super().apply(command, http)

    async def check(self, http: Http) -> Health:
        """Make two requests."""
        for _ in range(2):
            await http.send(HttpRequest("GET", f"{self._base_url}/v1/overview"))
        return Health(HealthVerdict.PASSES)


async def _tokens(lanes: Lanes) -> float:
    return float((await lanes.provider())["tokens"])


async def test_rule_30_requests_that_were_not_made_are_given_back(lanes: Lanes, remote: Provider) -> None:
    acme = provider(remote.url, adapter=Costly(remote.url))
    acme = replace(acme, bucket=replace(provider(remote.url, limits={"rate": "1/h", "burst": 30}).bucket, burst=30.0))  # type: ignore[type-var]  # there is one
    async with running(lanes, [acme]):
        await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 11)])
        await _applied(lanes, 10)

    # Ten operations of at most three requests took all thirty, and each made one.
    assert await _tokens(lanes) == pytest.approx(20, abs=0.1)


async def test_rule_30_a_check_counts_too(lanes: Lanes, remote: Provider) -> None:
    adapter = Costly(remote.url)
    adapter.refuses = True
    acme = provider(remote.url, adapter=adapter)
    acme = replace(acme, bucket=replace(provider(remote.url, limits={"rate": "1/h"}).bucket, burst=30.0))  # type: ignore[type-var]  # a rate makes a bucket
    async with running(lanes, [acme]):
        await lanes.put(7, 1)

        async def dead() -> bool:
            return bool(await lanes.rows("SELECT 1 FROM lane WHERE resting = 'dead'"))

        await eventually(dead)

    assert await _tokens(lanes) == pytest.approx(28, abs=0.1)


async def test_rule_30_an_idle_process_holds_no_requests_back(lanes: Lanes, remote: Provider) -> None:
    acme = provider(remote.url, limits={"rate": "1/h", "burst": 10})
    async with running(lanes, [acme], settings=engine_settings(poll_interval_s=0.05)):
        await lanes.put(7, 1)
        await _applied(lanes, 1)

        async def level() -> bool:
            return await _tokens(lanes) == pytest.approx(9, abs=0.1)

        await eventually(level)
