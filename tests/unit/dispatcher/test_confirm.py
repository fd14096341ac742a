"""Rule 28: what a provider accepted is asked back, until it shows it."""

from dataclasses import replace

import pytest
from unit.dispatcher.building import GENERATION, NOW, NOW_MS, UPSERT, columns, finished, later, policy

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Capabilities,
    Operation,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unsupported,
)
from sendto_dispatcher.domain.endings import CONFIRM, Confirmed, Differs, Ending, Held, Interrupted, Released
from sendto_dispatcher.domain.lane import Resting
from sendto_dispatcher.domain.settle import Columns, settle

FETCHING = replace(UPSERT, async_apply=True, has_fetch=True)
DELETE = Operation.DELETE
ACCEPTED = Accepted(RemoteRef("r-1"))


def accepted(**changes: object) -> Columns:
    """A lane that was accepted and is being asked back."""
    values = {
        "unconfirmed": True,
        "applied_present": True,
        "applied_generation": GENERATION,
        "remote": "r-1",
        "digest": b"digest",
        "behind_since": None,
    }
    return columns(**(values | changes))


@pytest.mark.parametrize("capabilities", [FETCHING, UPSERT])
def test_accepted_is_converged_and_asked_back_where_that_can_be_done(capabilities: Capabilities) -> None:
    after = settle(columns(), finished(ACCEPTED), policy(capabilities), NOW)

    assert (after.applied_generation, after.unconfirmed, after.behind_since) == (GENERATION, True, None)
    assert after.due_at == (later(5) if capabilities.has_fetch else None)


def test_without_an_id_nothing_can_be_asked_back() -> None:
    assert settle(columns(), finished(Accepted()), policy(FETCHING), NOW).due_at is None


def test_it_is_not_asked_before_the_provider_can_know_it() -> None:
    slow = replace(FETCHING, lookup_lag_s=60)

    assert settle(columns(), finished(ACCEPTED), policy(slow), NOW).due_at == later(60)


def test_newer_state_goes_out_at_once() -> None:
    after = settle(columns(desired_generation=GENERATION + 1), finished(ACCEPTED), policy(FETCHING), NOW)

    assert after.due_at == NOW


def test_an_accepted_deletion_has_not_happened_before_it_is_confirmed() -> None:
    held = columns(applied_present=True, remote="r-1", digest=b"old", desired_present=False)

    after = settle(held, finished(Accepted(), DELETE, digest=None), policy(FETCHING), NOW)

    assert (after.applied_present, after.remote, after.digest) == (True, "r-1", None)
    assert (after.unconfirmed, after.due_at) == (True, later(5))


def test_nor_where_it_was_not_known_whether_there_was_anything_to_delete() -> None:
    doubtful = columns(applied_present=False, in_doubt=True, remote="r-1", desired_present=False)

    after = settle(doubtful, finished(Accepted(), DELETE, digest=None), policy(FETCHING), NOW)

    assert (after.applied_present, after.in_doubt, after.unconfirmed) == (True, False, True)


def test_an_accepted_deletion_that_cannot_be_asked_back_counts() -> None:
    held = columns(applied_present=True, remote="r-1", desired_present=False)

    after = settle(held, finished(Accepted(), DELETE, digest=None), policy(), NOW)

    assert (after.applied_present, after.unconfirmed, after.due_at) == (False, True, None)


def test_what_is_shown_is_confirmed() -> None:
    lane = accepted(attempts=3, failing_since=later(-9), reason="not_applied", lease_doubt=True)

    after = settle(lane, finished(Confirmed(present=True), CONFIRM), policy(FETCHING), NOW)

    assert (after.unconfirmed, after.due_at, after.in_doubt, after.digest) == (False, None, False, b"digest")
    assert (after.attempts, after.failing_since, after.reason) == (0, None, None)


def test_a_deletion_is_confirmed_when_nothing_is_shown() -> None:
    lane = accepted(desired_present=False)

    after = settle(lane, finished(Confirmed(present=False), CONFIRM, digest=None), policy(FETCHING), NOW)

    assert (after.applied_present, after.remote, after.unconfirmed, after.due_at) == (False, None, False, None)


def test_what_differs_is_sent_again_under_a_new_generation_and_later_each_time() -> None:
    after = settle(accepted(attempts=2), finished(Differs(), CONFIRM), policy(FETCHING), NOW, jitter=1.0)

    assert (after.desired_generation, after.unconfirmed, after.digest) == (NOW_MS, False, None)
    assert (after.due_at, after.attempts, after.reason) == (later(4), 3, "not_applied")
    assert (after.failing_since, after.behind_since) == (NOW, NOW)
    assert after.applied_present


def test_a_failure_to_confirm_adds_up_over_what_is_accepted_again() -> None:
    lane = columns(attempts=3, failing_since=later(-9), failing_stopped_s=0.0)

    after = settle(lane, finished(ACCEPTED), policy(FETCHING), NOW, jitter=1.0)

    assert (after.attempts, after.failing_since) == (3, later(-9))
    assert after.due_at is not None
    assert after.due_at >= later(5)


def test_what_is_never_shown_is_given_up_at_last() -> None:
    lane = accepted(failing_since=later(-1_000), failing_stopped_s=0.0)

    after = settle(lane, finished(Differs(), CONFIRM), policy(FETCHING), NOW)

    assert (after.resting, after.reason, after.due_at) == (Resting.DEAD, "not_applied", None)


def test_newer_state_is_not_taken_for_unchanged_after_a_difference() -> None:
    lane = accepted(desired_generation=GENERATION + 1)

    after = settle(lane, finished(Differs(), CONFIRM), policy(FETCHING), NOW)

    assert (after.digest, after.due_at, after.resting) == (None, NOW, None)


@pytest.mark.parametrize(
    "ending",
    [
        Transient("http_500"),
        Transient("timeout", timed_out=True),
        Ambiguous("lookup_unclear"),
        Rejected("http_400"),
        Unsupported(),
        Applied(),
        AlreadyAbsent(),
        Accepted(),
    ],
    ids=repr,
)
def test_an_answer_that_tells_nothing_leaves_it_unconfirmed(ending: Ending) -> None:
    after = settle(accepted(), finished(ending, CONFIRM), policy(FETCHING), NOW, jitter=1.0)

    assert (after.unconfirmed, after.applied_present, after.in_doubt, after.resting) == (True, True, False, None)
    assert (after.due_at, after.desired_generation) == (later(1), GENERATION)


def test_it_is_not_asked_for_ever() -> None:
    lane = accepted(failing_since=later(-1_000), failing_stopped_s=0.0)

    after = settle(lane, finished(Transient("http_500"), CONFIRM), policy(FETCHING), NOW)

    assert (after.unconfirmed, after.due_at, after.resting, after.reason) == (True, None, None, "http_500")


@pytest.mark.parametrize(
    ("ending", "wait_s"),
    [(Released(), 0), (Interrupted(), 0), (Held("unauthorized"), 0), (RateLimited(9), 9)],
    ids=repr,
)
def test_what_was_not_asked_is_asked_again(ending: Ending, wait_s: float) -> None:
    after = settle(accepted(attempts=1), finished(ending, CONFIRM), policy(FETCHING), NOW)

    assert (after.unconfirmed, after.attempts, after.in_doubt, after.due_at) == (True, 1, False, later(wait_s))
