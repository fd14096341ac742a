"""A check that takes a while is not waited for by everyone who looks."""

import asyncio

from infra.eventually import eventually

from sendto.runtime.health import Remembered


class Slow:
    """A check that answers when it is told to, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.asked = 0
        self.now_s = 0.0
        self.answers: asyncio.Queue[str | None] = asyncio.Queue()
        self.remembered = Remembered(self._check, lambda: self.now_s)

    async def _check(self) -> str | None:
        self.asked += 1
        return await self.answers.get()


async def test_the_first_answer_is_waited_for_by_all_who_look() -> None:
    slow = Slow()
    looking = [asyncio.create_task(slow.remembered()) for _ in range(3)]
    slow.answers.put_nowait("Kafka is away")

    assert await asyncio.gather(*looking) == ["Kafka is away"] * 3
    assert slow.asked == 1


async def test_what_was_found_last_is_told_at_once_and_asked_anew_for_the_next_one() -> None:
    slow = Slow()
    slow.answers.put_nowait("Kafka is away")
    await slow.remembered()
    assert (await slow.remembered(), slow.asked) == ("Kafka is away", 1)

    slow.now_s = 1.0
    assert await slow.remembered() == "Kafka is away"
    slow.answers.put_nowait(None)

    async def answered() -> bool:
        return await slow.remembered() is None

    await eventually(answered)
    assert slow.asked == 2


async def test_who_looks_first_waits_for_nothing_that_was_asked_before() -> None:
    slow = Slow()
    slow.remembered.ask()
    slow.remembered.ask()
    slow.answers.put_nowait("Kafka is away")

    async def asked() -> bool:
        return slow.answers.empty()

    await eventually(asked)
    assert (await slow.remembered(), slow.asked) == ("Kafka is away", 1)


async def test_what_is_old_is_not_told_any_more() -> None:
    slow = Slow()
    slow.answers.put_nowait(None)
    await slow.remembered()
    slow.now_s = 10.0
    slow.answers.put_nowait("Kafka is away")

    assert await slow.remembered() == "Kafka is away"
