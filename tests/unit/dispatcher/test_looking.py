"""What is found out beside those who look: as long as someone does, and at once for who looks after a while."""

import asyncio
from dataclasses import dataclass

from sendto_dispatcher.ops.looking import Looking


@dataclass
class _Time:
    now_s: float = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s


class _Counting(Looking):
    what = "counting"
    steps = 0

    async def step(self) -> float:
        self.steps += 1
        return 10.0


async def test_who_looks_first_has_a_step_taken_and_the_next_ones_wait_for_none() -> None:
    time = _Time()
    counting = _Counting(time)  # type: ignore[arg-type]  # only its monotonic time is asked for
    assert await counting.run_once() > 10.0
    assert counting.steps == 0

    await counting.look()
    time.now_s += 12.0
    await counting.look()

    assert counting.steps == 1
    assert await counting.run_once() == 10.0
    assert counting.steps == 2


async def test_a_step_that_is_long_due_is_taken_by_who_looks() -> None:
    time = _Time()
    counting = _Counting(time)  # type: ignore[arg-type]  # only its monotonic time is asked for
    await counting.look()
    time.now_s += 13.0

    await counting.look()

    assert counting.steps == 2


class _Slow(_Counting):
    """Its steps take until they are let go."""

    def __init__(self, clock: _Time) -> None:
        super().__init__(clock)  # type: ignore[arg-type]  # only its monotonic time is asked for
        self.began, self.go = asyncio.Event(), asyncio.Event()

    async def step(self) -> float:
        self.began.set()
        await self.go.wait()
        return await super().step()


async def test_who_waits_for_nothing_has_the_loop_begin() -> None:
    slow = _Slow(_Time())
    running = asyncio.create_task(slow.run())
    await asyncio.sleep(0)

    slow.wanted()
    await slow.began.wait()

    assert slow.steps == 0
    running.cancel()


async def test_who_looks_while_a_step_is_taken_waits_for_that_one_and_takes_no_other() -> None:
    slow = _Slow(_Time())
    slow.wanted()
    running = asyncio.create_task(slow.run_once())
    await slow.began.wait()
    looks = [asyncio.create_task(slow.look()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(look.done() for look in looks)

    slow.go.set()
    await asyncio.gather(running, *looks)

    assert slow.steps == 1
