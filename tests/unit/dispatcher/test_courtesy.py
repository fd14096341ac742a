"""Claims give way to an intake that catches up, half of the time at most."""

import asyncio
from datetime import UTC, datetime

import pytest

from sendto_dispatcher.engine import courtesy
from sendto_dispatcher.engine.courtesy import Courtesy


class Passing:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        """The next second."""
        self.now_s += 1.0
        return self.now_s

    def now(self) -> datetime:
        """Not asked for."""
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(courtesy, "_LOOK_S", 0)


async def test_nobody_waits_for_an_intake_that_does_not_catch_up() -> None:
    clock = Passing()
    await Courtesy(lambda: False, 10, clock).wait()

    assert clock.now_s == 1


async def test_a_claim_waits_until_the_intake_has_caught_up() -> None:
    behind = [True, True, False]
    await Courtesy(lambda: behind.pop(0), 10, Passing()).wait()

    assert not behind


async def test_it_waits_no_longer_than_so_long_and_has_as_long_for_itself() -> None:
    clock, looks = Passing(), 0

    def behind() -> bool:
        nonlocal looks
        looks += 1
        return True

    door = Courtesy(behind, 10, clock)
    await door.wait()
    gave_way, waited_until_s = looks, clock.now_s
    while clock.now_s < waited_until_s + 8:
        await door.wait()

    assert gave_way > 5
    assert waited_until_s >= 11
    assert looks == gave_way, "it waits in its own time"

    await door.wait()
    await door.wait()
    await door.wait()
    assert looks > gave_way, "others have their time again"


async def test_a_wait_can_be_cut_off() -> None:
    waiting = asyncio.create_task(Courtesy(lambda: True, 1e9, Passing()).wait())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
