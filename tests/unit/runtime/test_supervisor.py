"""Background loops: none ends unnoticed."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from sendto.runtime.supervisor import Supervisor


async def _forever() -> None:
    await asyncio.Event().wait()


async def _crashes() -> None:
    raise RuntimeError("canary text")


async def _ends() -> None:
    return


async def test_while_all_loops_run_it_is_ready() -> None:
    supervisor = Supervisor()
    supervisor.start("one", _forever)
    await asyncio.sleep(0)

    assert await supervisor.readiness() is None
    await supervisor.stop()
    assert await supervisor.readiness() is None


@pytest.mark.parametrize("broken", [_crashes, _ends])
async def test_a_loop_that_ends_by_itself_is_named(broken: Callable[[], Awaitable[None]]) -> None:
    supervisor = Supervisor()
    supervisor.start("good", _forever)
    supervisor.start("bad", broken)

    assert await supervisor.crashed() == "bad"
    assert await supervisor.readiness() == "bad crashed"
    await supervisor.stop()


async def test_one_loop_can_be_stopped_alone() -> None:
    supervisor = Supervisor()
    ended: list[str] = []

    async def noted(name: str) -> None:
        try:
            await _forever()
        finally:
            ended.append(name)

    for name in ("first", "second"):
        supervisor.start(name, partial(noted, name))
    await asyncio.sleep(0)
    await supervisor.stop("first")
    assert ended == ["first"]

    await supervisor.stop()
    assert ended == ["first", "second"]


async def test_a_loop_that_swallows_a_cancellation_is_cancelled_again() -> None:
    supervisor = Supervisor(cancel_again_s=0.01)
    swallowed = 0

    async def swallows() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await _forever()
            except asyncio.CancelledError:
                swallowed += 1
        await _forever()

    supervisor.start("deaf", swallows)
    await asyncio.sleep(0)
    await supervisor.stop()

    assert swallowed == 2
    assert await supervisor.readiness() is None
