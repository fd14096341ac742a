"""Deadlines are kept, waiting is left to the core, and a cancelled call leaves nothing behind."""

import asyncio

from sendto.sdk.commands import Operation
from sendto.sdk.outcomes import Ambiguous, RateLimited, Transient
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.messages import Answer, Hang, Instead
from sendto.sdk.testing.provider import always, at
from sendto.sdk.testing.stage import GRACE_S, Stage

_SHORT_S = 0.3


@check()
async def a_hanging_provider_is_left_at_the_deadline(stage: Stage) -> None:
    """A call to a provider that hangs ends at its deadline, and nothing is sent after it."""
    lane = Lane.new(stage)
    stage.provider.follow(always(Hang()))
    outcome = await stage.apply(stage.command(Operation.CREATE, lane.reference, deadline_s=_SHORT_S))
    require(isinstance(outcome, Transient | Ambiguous), f"a call that timed out came to {outcome}")
    require(
        not (isinstance(outcome, Transient) and outcome.nothing_done),
        f"a call that timed out came to {outcome}, as if nothing had been done",
    )


@check()
async def waiting_is_left_to_the_core(stage: Stage) -> None:
    """When the provider asks to wait, the call returns at once and says so."""
    for status in (429, 503):
        stage.provider.follow(always(Instead(Answer(status, None, {"retry-after": "3600"}))))
        outcome = await stage.apply(stage.command(Operation.CREATE, stage.new_reference(), deadline_s=_SHORT_S))
        require(isinstance(outcome, RateLimited | Transient), f"{status} came to {outcome}")
        require(
            stage.provider.number <= stage.capabilities.requests_of(Operation.CREATE),
            f"after {status} the adapter tried again by itself",
        )


@check()
async def cancellation_leaves_nothing_open(stage: Stage) -> None:
    """A call that is cancelled at any of its requests ends at once, with no task and no connection left."""
    for number in range(1, stage.capabilities.requests_of(Operation.CREATE) + 1):
        stage.provider.follow(at(number, Hang()))
        before = asyncio.all_tasks()
        call = asyncio.create_task(
            stage.adapter.apply(stage.command(Operation.CREATE, stage.new_reference()), stage.http())
        )
        if not await _waits_for_an_answer(stage, call, number):
            continue
        call.cancel()
        await asyncio.wait({call}, timeout=GRACE_S)
        require(call.done(), "a cancelled call goes on")
        if not call.cancelled():
            breach("a call that was cancelled swallowed it: let CancelledError through")
        left = asyncio.all_tasks() - before - stage.provider.connections
        require(not left, f"a cancelled call left {len(left)} tasks running")
        require(stage.account.open_connections == 0, "a cancelled call left a connection open")


async def _waits_for_an_answer(stage: Stage, call: "asyncio.Task[object]", number: int) -> bool:
    """Wait until the n-th request has arrived; False if the call ended before."""
    while stage.provider.number < number:
        if call.done():
            return False
        await asyncio.sleep(0)
    return True
