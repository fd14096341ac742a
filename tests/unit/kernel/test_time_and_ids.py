"""Clocks and ids."""

from datetime import UTC, datetime, timedelta

from sendto.kernel.clock import SteeredClock, SystemClock
from sendto.kernel.ids import new_uuid

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_steered_clock_stands_still_until_it_is_moved() -> None:
    clock = SteeredClock(START)
    assert (clock.now(), clock.monotonic_s()) == (START, 0.0)

    clock.advance(1.5)

    assert (clock.now(), clock.monotonic_s()) == (START + timedelta(seconds=1.5), 1.5)


def test_the_machine_s_clock_is_aware_and_never_goes_back() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_ids_are_of_version_7_and_sort_by_the_time_they_were_made() -> None:
    made = [new_uuid() for _ in range(1_000)]

    assert {each.version for each in made} == {7}
    assert len(set(made)) == len(made)
    assert [each.int >> 80 for each in made] == sorted(each.int >> 80 for each in made)
