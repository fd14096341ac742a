"""Rule 37: looks for due lanes begin where the last one stood, with a full look now and then."""

from datetime import UTC, datetime, timedelta

from sendto_dispatcher.domain.floor import FULL_EVERY_S, MARGIN, DueFloor

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _learned(floor: DueFloor, *, more: bool = True) -> DueFloor:
    floor.learn([NOON, NOON + timedelta(seconds=7), None], more=more)
    return floor


def test_the_first_look_is_a_full_one() -> None:
    assert DueFloor().since(100.0) is None


def test_the_next_begins_at_the_latest_that_was_found_less_a_margin() -> None:
    floor = DueFloor()
    floor.since(100.0)

    assert _learned(floor).since(100.1) == NOON + timedelta(seconds=7) - MARGIN


def test_once_everything_was_found_the_next_look_is_full_again() -> None:
    floor = DueFloor()
    floor.since(100.0)

    assert _learned(floor, more=False).since(100.1) is None


def test_now_and_then_a_look_is_full_however_much_is_due() -> None:
    floor, at_s, full = DueFloor(), 100.0, []
    while at_s < 100.0 + 3 * FULL_EVERY_S:
        if floor.since(at_s) is None:
            full.append(at_s)
        _learned(floor)
        at_s += 1.0

    assert full == [100.0, 100.0 + FULL_EVERY_S, 100.0 + 2 * FULL_EVERY_S]


def test_a_look_that_finds_nothing_sets_nothing() -> None:
    floor = DueFloor()
    floor.since(100.0)
    floor.learn([], more=True)

    assert floor.since(100.1) is None
