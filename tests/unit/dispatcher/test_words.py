"""What an adapter returns is checked, and can be stored and reckoned with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto.sdk import Ambiguous, Applied, Outcome, RateLimited, Rejected, RemoteRef, Transient
from sendto_dispatcher.domain.words import NoOutcome, checked


@given(st.text(max_size=2_000), st.text(max_size=2_000))
def test_words_are_bounded_and_can_be_stored(code: str, detail: str) -> None:
    kept = checked(Rejected(code, detail))

    assert isinstance(kept, Rejected)
    assert len(kept.code) <= 64
    assert len(kept.detail) <= 500
    assert "\x00" not in kept.code + kept.detail
    (kept.code + kept.detail).encode()


@pytest.mark.parametrize("remote", ["", "a\x00b", "\ud800", "x" * 1_001])
def test_an_id_that_cannot_be_stored_is_left_out(remote: str) -> None:
    assert checked(Applied(RemoteRef(remote))) == Applied(None)


def test_an_id_that_can_be_stored_stays_as_it_is() -> None:
    assert checked(Applied(RemoteRef("ä-1"))) == Applied(RemoteRef("ä-1"))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_rule_23_a_wait_is_a_number_of_seconds_within_a_day_or_none(wait_s: float) -> None:
    for outcome in (RateLimited(wait_s), Transient("x", retry_after_s=wait_s), Ambiguous("x", retry_after_s=wait_s)):
        kept = checked(outcome)
        assert isinstance(kept, RateLimited | Transient | Ambiguous)
        assert kept.retry_after_s is None or 0 <= kept.retry_after_s <= 86_400


@pytest.mark.parametrize(
    "returned",
    [
        None,
        "applied",
        Applied,
        Applied("r-1"),  # type: ignore[arg-type]  # a plugin may say anything
        Applied(RemoteRef(7)),  # type: ignore[arg-type]  # a plugin may say anything
        Rejected(422),  # type: ignore[arg-type]  # a plugin may say anything
        Rejected("x", None),  # type: ignore[arg-type]  # a plugin may say anything
        RateLimited("soon"),  # type: ignore[arg-type]  # a plugin may say anything
        RateLimited(True),
        Transient("x", nothing_done="yes"),  # type: ignore[arg-type]  # a plugin may say anything
        Ambiguous("x", timed_out=1),  # type: ignore[arg-type]  # a plugin may say anything
    ],
    ids=repr,
)
def test_what_is_no_outcome_is_refused(returned: Outcome) -> None:
    with pytest.raises(NoOutcome):
        checked(returned)
