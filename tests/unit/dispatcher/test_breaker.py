"""Rule 25: when the breaker opens."""

import pytest

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    RateLimited,
    Rejected,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.breaker import Breaker, answered
from sendto_dispatcher.domain.endings import Confirmed, Differs, Ending, Held, Interrupted, Released, Unchanged
from sendto_dispatcher.domain.lane import Resting
from sendto_dispatcher.domain.plan import Rest


def breaker() -> Breaker:
    return Breaker(window=20, window_s=30, lanes=5)


def record(one: Breaker, answers: str, *, at_s: float = 0.0, lane: int | None = None) -> list[bool]:
    """Finished attempts, `+` answered and `-` not, each of another lane unless it is named."""
    return [
        one.record(number if lane is None else lane, answered=sign == "+", at_s=at_s)
        for number, sign in enumerate(answers)
    ]


def test_rule_25_five_lanes_must_have_failed() -> None:
    assert record(breaker(), "-----") == [False, False, False, False, True]


def test_rule_25_one_lane_that_fails_for_ever_opens_nothing() -> None:
    assert not any(record(breaker(), "-" * 100, lane=7))


@pytest.mark.parametrize(("answers", "opens"), [("+" * 10 + "-" * 10, False), ("+" * 9 + "-" * 11, True)])
def test_rule_25_fewer_than_half_must_have_been_answered(answers: str, opens: bool) -> None:
    assert record(breaker(), answers)[-1] is opens


def test_rule_25_only_the_last_twenty_count() -> None:
    one = breaker()
    record(one, "+" * 1_000)

    assert record(one, "-" * 11).index(True) == 10


@pytest.mark.parametrize(("later_s", "opens"), [(30, True), (30.1, False)])
def test_rule_25_none_older_than_thirty_seconds_counts(later_s: float, opens: bool) -> None:
    one = breaker()
    record(one, "----", at_s=0)

    assert one.record(99, answered=False, at_s=later_s) is opens


def test_rule_25_after_a_recovery_it_begins_anew() -> None:
    one = breaker()
    record(one, "-" * 20)
    one.reset()

    assert not any(record(one, "----"))


@pytest.mark.parametrize(
    "ending",
    [
        Applied(),
        Accepted(),
        AlreadyAbsent(),
        Rejected("http_422"),
        RateLimited(),
        Confirmed(present=True),
        Differs(),
    ],
    ids=repr,
)
def test_rule_25_an_answer_that_is_not_transient_says_well_a_rejection_too(ending: Ending) -> None:
    assert answered(ending) is True


@pytest.mark.parametrize("ending", [Transient("http_500"), Transient("connect_failed"), Ambiguous("timeout")], ids=repr)
def test_rule_25_what_is_transient_or_missing_says_unwell(ending: Ending) -> None:
    assert answered(ending) is False


@pytest.mark.parametrize(
    "ending",
    [
        Unsupported(),
        Released(),
        Interrupted(),
        Unchanged(),
        Held("unauthorized"),
        Unauthorized(),
        Gone(),
        Rest(Resting.DEAD, "needs_phone"),
    ],
    ids=repr,
)
def test_rule_25_what_was_not_sent_or_holds_the_provider_says_nothing(ending: Ending) -> None:
    assert answered(ending) is None
