"""What waits for a slot, and when it goes on."""

import asyncio
from collections.abc import Callable

from sendto_dispatcher.engine.slots import NEVER_ENDS_S, Call, Slots


class Provider:
    """Answers when it is told to."""

    def __init__(self, most: int) -> None:
        self.slots = Slots(most, self._carry_out, self._ended, lambda: self.unsettled)
        self.began: list[float] = []
        self.ended = 0
        self.unsettled = 0
        self._answers: asyncio.Queue[bool] = asyncio.Queue()

    async def answer(self, *answers: bool) -> None:
        """Answer so many calls, well or not."""
        for one in answers:
            self._answers.put_nowait(one)
        await _all_ran(self._answers.empty)

    async def _carry_out(self, call: Call) -> bool:
        self.began.append(call.at_s)
        return await self._answers.get()

    def _ended(self) -> None:
        self.ended += 1


async def _all_ran(done: Callable[[], bool]) -> None:
    for _ in range(100):
        await asyncio.sleep(0)
        if done():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return
    raise AssertionError("it did not run")


def _calls(*numbers: int, hanging: bool = False) -> list[Call]:
    return [Call([], 10.0, float(number), 1, hanging) for number in numbers]


async def _full(provider: Provider, waiting: int) -> Slots:
    provider.slots.ahead = waiting
    provider.slots.add(_calls(*range(2 + waiting)), 100.0, at_once=False)
    await _all_ran(lambda: len(provider.began) == 2)
    return provider.slots


async def test_what_finds_no_free_slot_waits_and_goes_on_when_one_is_answered_well() -> None:
    provider = Provider(2)
    slots = await _full(provider, 2)
    assert (slots.in_flight, slots.free, slots.room) == (2, 0, 0)

    await provider.answer(True)

    assert provider.began == [0, 1, 2]
    assert (slots.in_flight, slots.room) == (2, 1)
    await slots.drain(0)


async def test_after_a_call_that_was_not_answered_nothing_goes_on_by_itself() -> None:
    provider = Provider(2)
    slots = await _full(provider, 2)

    await provider.answer(False, False)

    assert (provider.began, slots.in_flight, provider.ended) == ([0, 1], 0, 2)
    slots.go_on()
    await _all_ran(lambda: len(provider.began) == 4)
    await slots.drain(0)


async def test_a_call_keeps_its_slot_until_its_outcome_is_written() -> None:
    provider = Provider(2)
    slots = await _full(provider, 2)
    provider.unsettled = 1  # of the call that is answered now

    await provider.answer(True)
    assert (provider.began, slots.in_flight, slots.free) == ([0, 1], 1, 0)
    provider.unsettled = 2
    await provider.answer(True)
    assert (provider.began, slots.in_flight, slots.free, slots.low) == ([0, 1], 0, 0, False)

    provider.unsettled = 1
    slots.settled()
    await _all_ran(lambda: provider.began == [0, 1, 2])
    assert (slots.in_flight, slots.free) == (1, 0)
    provider.unsettled = 0
    slots.settled()
    await _all_ran(lambda: provider.began == [0, 1, 2, 3])
    await slots.drain(0)


async def test_what_is_written_lets_nothing_go_on_after_a_call_that_was_not_answered() -> None:
    provider = Provider(2)
    slots = await _full(provider, 2)
    await provider.answer(False, False)

    slots.settled()
    await asyncio.sleep(0)
    assert slots.in_flight == 0
    slots.go_on()
    await provider.answer(True, True)
    assert provider.began == [0, 1, 2, 3]
    await slots.drain(0)


async def test_it_is_time_to_let_what_waits_go_on_when_a_slot_is_free() -> None:
    provider = Provider(2)
    slots = await _full(provider, 3)
    slots.ahead = 0

    await provider.answer(False)

    assert (slots.waiting, slots.room, slots.low) == (3, 0, True)
    await slots.drain(0)


async def test_it_is_time_to_claim_when_half_of_what_may_wait_does() -> None:
    provider = Provider(2)
    slots = await _full(provider, 4)
    assert not slots.low

    await provider.answer(True, True)

    assert slots.low
    assert provider.ended >= 1
    await slots.drain(0)


async def test_as_many_may_wait_as_ended_within_a_moment() -> None:
    provider = Provider(2)
    slots = provider.slots
    slots.look_ahead(100.0, 50)
    slots.add(_calls(*range(10)), 100.0, at_once=True)
    await provider.answer(*[True] * 10)

    slots.look_ahead(100.1, 50)
    assert slots.ahead == 20
    slots.add(_calls(*range(10)), 100.1, at_once=True)
    await provider.answer(*[True] * 10)
    slots.look_ahead(100.11, 50)
    assert slots.ahead == 50
    slots.look_ahead(101.0, 50)
    assert slots.ahead == 0


async def test_what_waited_too_long_is_taken_back_and_hangs_no_more() -> None:
    provider = Provider(1)
    slots = provider.slots
    slots.ahead = 3
    slots.add(_calls(0, 1, 2, hanging=True), 100.0, at_once=False)
    assert slots.hanging == 3

    assert slots.take_back(100.9) == []
    assert [call.at_s for call in slots.take_back(101.0)] == [1, 2]
    assert slots.take_back() == []
    assert slots.hanging == 1
    await slots.drain(0)


async def test_a_probe_goes_out_though_no_slot_is_free() -> None:
    provider = Provider(2)
    slots = await _full(provider, 0)

    slots.add(_calls(9), 100.0, at_once=True)

    await _all_ran(lambda: provider.began == [0, 1, 9])
    await slots.drain(0)


async def test_at_a_stop_nothing_that_waits_goes_on() -> None:
    provider = Provider(2)
    slots = await _full(provider, 2)
    draining = asyncio.create_task(slots.drain(60))
    await asyncio.sleep(0)

    await provider.answer(True, True)
    await draining

    assert provider.began == [0, 1]


async def test_what_a_call_must_not_end_with_is_kept() -> None:
    async def broken(_: Call) -> bool:
        raise ValueError("a bug")

    told: list[None] = []
    slots = Slots(1, broken, lambda: told.append(None), lambda: 0)
    slots.add(_calls(0), 0.0, at_once=False)
    await _all_ran(lambda: bool(told))

    assert isinstance(slots.failure, ValueError)
    assert slots.free == 1


async def test_a_call_that_never_ends_is_given_up_once_and_its_late_end_counts_no_more() -> None:
    provider = Provider(1)
    slots = provider.slots
    slots.add(_calls(0, hanging=True), 100.0, at_once=False)
    await _all_ran(lambda: len(provider.began) == 1)

    assert slots.give_up(10.0 + NEVER_ENDS_S) == 0
    assert slots.give_up(10.1 + NEVER_ENDS_S) == 1
    assert (slots.in_flight, slots.free, slots.hanging) == (0, 1, 0)
    assert slots.give_up(1_000.0) == 0
    await _all_ran(lambda: provider.ended == 1)
    assert (slots.hanging, slots.failure) == (0, None)
