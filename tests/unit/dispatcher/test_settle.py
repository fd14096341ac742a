"""What an attempt's end means for its lane: success, failure, doubt, rest."""

from dataclasses import replace

import pytest
from msgspec import structs
from unit.dispatcher.building import (
    ALL_CAPABILITIES,
    GENERATION,
    LOOKUP,
    NOW,
    NOW_MS,
    REQUEST_KEY,
    UPSERT,
    columns,
    finished,
    later,
    policy,
)

from sendto.sdk import (
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Capabilities,
    Gone,
    Operation,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.endings import Ending, Finished, Held, Interrupted, Released, Unchanged
from sendto_dispatcher.domain.lane import Resting, Version
from sendto_dispatcher.domain.plan import Learned, Rest
from sendto_dispatcher.domain.settle import Columns, Policy, next_generation, settle

NEWER = GENERATION + 5
UPDATE, DELETE = Operation.UPDATE, Operation.DELETE


def settled(lane: Columns, end: Finished, rules: Policy | None = None, jitter: float = 1.0) -> Columns:
    return settle(lane, end, rules or policy(), NOW, jitter=jitter)


def test_a_create_that_was_applied_converges_the_lane() -> None:
    failing = columns(
        attempts=3, failing_since=later(-9), hanging=True, reason="http_500", detail="x", lease_doubt=True
    )

    after = settled(failing, finished(Applied(RemoteRef("r-1"))))

    assert (after.applied_generation, after.applied_present, after.remote) == (GENERATION, True, "r-1")
    assert (after.applied_version, after.digest) == (Version(carried=True, number=1), b"digest")
    assert (after.due_at, after.behind_since, after.in_doubt) == (None, None, False)
    assert (after.attempts, after.failing_since, after.hanging, after.reason, after.detail) == (
        0,
        None,
        False,
        None,
        None,
    )


def test_an_update_without_an_id_keeps_the_one_that_is_known() -> None:
    assert settled(columns(remote="r-1", applied_present=True), finished(Applied(), UPDATE)).remote == "r-1"


def test_a_delete_leaves_nothing_behind() -> None:
    held = columns(applied_present=True, remote="r-1", digest=b"old", desired_present=False)

    after = settled(held, finished(Applied(), DELETE, digest=None))

    assert (after.applied_present, after.remote, after.digest, after.due_at) == (False, None, None, None)


def test_rule_2_a_success_of_an_older_generation_leaves_the_lane_due_now() -> None:
    after = settled(columns(desired_generation=NEWER), finished(Applied()))

    assert (after.applied_generation, after.due_at) == (GENERATION, NOW)
    assert after.behind_since is not None


@pytest.mark.parametrize("generation", [1, NOW_MS - 1, NOW_MS, NOW_MS + 7])
def test_rule_2_the_next_generation_is_the_clock_s_and_never_the_same(generation: int) -> None:
    assert next_generation(generation, NOW) == max(generation + 1, NOW_MS)


NOTHING_DONE: list[Ending] = [
    Transient("http_503", nothing_done=True),
    RateLimited(3),
    Rejected("http_422"),
    Unsupported(),
    Held("unauthorized"),
    Unauthorized(),
    Gone(),
    Released(),
]


@pytest.mark.parametrize("ending", NOTHING_DONE, ids=repr)
@pytest.mark.parametrize("found", [False, True])
def test_rule_15_where_nothing_was_done_the_doubt_is_as_the_claim_found_it(ending: Ending, found: bool) -> None:
    after = settled(columns(lease_doubt=found, kept=True), finished(ending))

    assert after.in_doubt is found
    assert after.kept is found


@pytest.mark.parametrize("ending", [Transient("http_500"), Ambiguous("timeout"), Interrupted()], ids=repr)
@pytest.mark.parametrize("capabilities", ALL_CAPABILITIES)
def test_rule_15_what_may_have_been_done_leaves_doubt(ending: Ending, capabilities: Capabilities) -> None:
    after = settled(columns(kept=True), finished(ending), policy(capabilities))

    assert after.in_doubt
    assert after.kept


def test_rule_15_a_failure_before_the_first_byte_leaves_no_doubt() -> None:
    assert not settled(columns(), finished(Transient("adapter_error"), sent=False)).in_doubt


def test_rule_15_a_release_is_due_now_and_spends_no_attempt() -> None:
    after = settled(columns(attempts=2), finished(Released("stopping"), sent=False))

    assert (after.due_at, after.attempts, after.reason) == (NOW, 2, None)


@pytest.mark.parametrize(("capabilities", "wait_s"), [(UPSERT, 0), (LOOKUP, 7)])
def test_rule_15_an_interrupted_call_spends_no_attempt(capabilities: Capabilities, wait_s: float) -> None:
    after = settled(columns(attempts=2), finished(Interrupted()), policy(capabilities))

    assert (after.attempts, after.in_doubt, after.due_at) == (2, True, later(wait_s))


@pytest.mark.parametrize(
    "ending", [Rejected("http_422"), Unsupported("no"), Rest(Resting.DEAD, "needs_phone")], ids=repr
)
def test_rule_17_only_the_desired_generation_comes_to_rest(ending: Ending) -> None:
    dead = settled(columns(), finished(ending))
    late = settled(columns(desired_generation=NEWER), finished(ending))

    assert dead.resting is not None
    assert dead.due_at is None
    assert (late.resting, late.due_at) == (None, NOW)


def test_rule_17_another_failure_of_an_older_generation_waits_as_usual_and_does_not_age() -> None:
    after = settled(columns(desired_generation=NEWER), finished(Transient("http_500"), UPDATE))

    assert (after.due_at, after.attempts, after.resting, after.failing_since) == (later(1), 1, None, None)


def test_rule_17_age_does_not_kill_newer_state() -> None:
    old = columns(desired_generation=NEWER, failing_since=later(-5_000), failing_stopped_s=0.0)

    assert settled(old, finished(Transient("http_500"), UPDATE)).resting is None


def test_rule_18_an_unknown_outcome_rests_whatever_is_desired() -> None:
    ending = Rest(Resting.UNKNOWN, "outcome_unknown")

    after = settled(columns(desired_generation=NEWER, lease_doubt=True), finished(ending, None, sent=False))

    assert (after.resting, after.due_at, after.in_doubt) == (Resting.UNKNOWN, None, True)


def test_rule_18_a_repeated_create_counts_as_its_own_generation_and_newer_state_follows_as_an_update() -> None:
    lane = columns(desired_generation=NEWER, lease_generation=NEWER, lease_doubt=True, kept=True)

    after = settled(lane, finished(Applied(RemoteRef("r-1")), kept_was_sent=True), policy(REQUEST_KEY))

    assert (after.applied_generation, after.applied_present, after.due_at) == (GENERATION, True, NOW)
    assert (after.kept, after.in_doubt) == (False, False)


def test_rule_18_a_repeated_create_that_is_refused_tells_that_the_first_made_nothing() -> None:
    lane = columns(lease_doubt=True, kept=True)

    after = settled(lane, finished(Rejected("http_422"), kept_was_sent=True), policy(REQUEST_KEY))

    assert (after.in_doubt, after.kept, after.resting) == (False, False, Resting.DEAD)


def test_rule_18_a_first_create_that_surely_did_nothing_is_not_kept_so_its_key_is_not_spent() -> None:
    after = settled(columns(kept=True), finished(RateLimited(5)), policy(REQUEST_KEY))

    assert (after.kept, after.in_doubt) == (False, False)


@pytest.mark.parametrize("present", [True, False])
def test_rule_18_what_a_look_up_told_counts_however_the_call_after_it_ended(present: bool) -> None:
    learned = Learned(present=present, remote="r-1" if present else None)
    lane = columns(lease_doubt=True, digest=b"old", remote="older")

    after = settled(lane, finished(Released(), sent=False, learned=learned), policy(LOOKUP))

    assert (after.applied_present, after.remote) == (present, "r-1" if present else None)
    assert (after.in_doubt, after.digest) == (False, None)


@pytest.mark.parametrize("ending", [Ambiguous("timeout"), Transient("http_500")], ids=repr)
def test_rule_18_a_look_up_waits_until_it_can_tell_and_nothing_hurries_it(ending: Ending) -> None:
    after = settled(columns(), finished(ending), policy(LOOKUP))

    assert (after.due_at, after.not_before) == (later(7), later(7))


@pytest.mark.parametrize(
    ("ending", "wait_s"),
    [
        (RateLimited(30), 30),
        (RateLimited(None), 1),
        (RateLimited(1e9), 86_400),
        (Transient("http_503", retry_after_s=30, nothing_done=True), 30),
        (Transient("http_500", retry_after_s=30), 30),
        (Ambiguous("http_500", retry_after_s=30), 30),
        (Transient("http_500", retry_after_s=1e9), 86_400),
    ],
    ids=repr,
)
def test_rule_23_retry_after_binds_the_lane_up_to_a_day(ending: Ending, wait_s: float) -> None:
    after = settled(columns(), finished(ending))

    assert (after.due_at, after.not_before) == (later(wait_s), later(wait_s))


def test_rule_23_a_shorter_retry_after_does_not_shorten_the_backoff() -> None:
    after = settled(columns(attempts=4), finished(Transient("http_500", retry_after_s=2)))

    assert (after.due_at, after.not_before) == (later(16), later(2))


def test_a_rate_limited_attempt_is_not_spent() -> None:
    after = settled(columns(attempts=4, failing_since=later(-9)), finished(RateLimited(2)))

    assert (after.attempts, after.failing_since, after.reason) == (4, later(-9), "rate_limited")


@pytest.mark.parametrize(("failures", "wait_s"), [(0, 1), (1, 2), (2, 4), (6, 64), (7, 100), (80, 100)])
def test_failures_wait_twice_as_long_each_time_up_to_a_cap(failures: int, wait_s: float) -> None:
    end = finished(Transient("http_500", "the provider is unwell"), UPDATE)

    longest = settled(columns(attempts=failures), end)
    shortest = settled(columns(attempts=failures), end, jitter=0.0)

    assert (longest.due_at, shortest.due_at) == (later(wait_s), later(wait_s / 2))
    assert (longest.attempts, longest.reason, longest.detail) == (failures + 1, "http_500", "the provider is unwell")
    assert longest.not_before is None


@pytest.mark.parametrize(
    ("ending", "hanging"),
    [
        (Transient("timeout", timed_out=True), True),
        (Ambiguous("timeout", timed_out=True), True),
        (Transient("http_500"), False),
        (RateLimited(), False),
        (Rejected("http_422"), False),
        (Applied(), False),
    ],
    ids=repr,
)
def test_rule_26_a_lane_hangs_whose_last_attempt_timed_out(ending: Ending, hanging: bool) -> None:
    assert settled(columns(hanging=not hanging), finished(ending)).hanging is hanging


def test_rule_27_the_age_counts_from_the_first_failure() -> None:
    first = settled(columns(), finished(Transient("http_500"), UPDATE), policy(stopped_s=50))

    assert (first.failing_since, first.failing_stopped_s) == (NOW, 50)


@pytest.mark.parametrize(
    ("failing_s", "stopped_before_s", "stopped_s", "dead"),
    [
        (999, 0, 0, False),
        (1_000, 0, 0, True),
        (1_000, 0, 1, False),
        (5_000, 0, 4_000, True),
        (5_000, 0, 4_001, False),
        (5_000, 4_000, 4_001, True),
        (5_000, 4_000, 8_001, False),
    ],
)
def test_rule_27_the_age_stands_still_while_the_provider_is_stopped(
    failing_s: float, stopped_before_s: float, stopped_s: float, dead: bool
) -> None:
    lane = columns(failing_since=later(-failing_s), failing_stopped_s=stopped_before_s, attempts=9)

    after = settled(lane, finished(Transient("http_500"), UPDATE), policy(stopped_s=stopped_s))

    assert (after.resting == Resting.DEAD) is dead
    assert (after.due_at is None) is dead


def test_rule_22_what_was_to_be_deleted_and_is_absent_is_gone() -> None:
    lane = columns(applied_present=True, desired_present=False, remote="r-1")

    after = settled(lane, finished(AlreadyAbsent(), DELETE, digest=None))

    assert (after.applied_present, after.remote, after.due_at) == (False, None, None)


def test_rule_2_what_should_be_updated_and_is_gone_is_made_again_under_a_new_generation() -> None:
    after = settled(columns(applied_present=True, remote="r-1"), finished(AlreadyAbsent(), UPDATE))

    assert (after.applied_present, after.remote, after.in_doubt, after.due_at) == (False, None, False, NOW)
    assert after.desired_generation == NOW_MS
    assert after.behind_since is not None


def test_rule_2_newer_state_needs_no_further_generation() -> None:
    lane = columns(applied_present=True, desired_generation=NEWER)

    assert settled(lane, finished(AlreadyAbsent(), UPDATE)).desired_generation == NEWER


def test_a_create_that_is_answered_with_absence_is_not_repeated_without_a_pause() -> None:
    after = settled(columns(), finished(AlreadyAbsent()))

    assert (after.due_at, after.attempts) == (later(1), 1)


def test_an_update_that_changes_nothing_converges_without_a_call() -> None:
    lane = columns(applied_present=True, digest=b"same", desired_generation=GENERATION, applied_generation=1)

    after = settled(lane, finished(Unchanged(), None, sent=False, digest=b"same"))

    assert (after.applied_generation, after.digest, after.due_at, after.in_doubt) == (GENERATION, b"same", None, False)


@pytest.mark.parametrize("capabilities", [replace(UPSERT, reference_reusable=False), UPSERT])
def test_rule_32_a_reference_that_is_spent_is_numbered(capabilities: Capabilities) -> None:
    lane = columns(reference="L-51342", applied_present=True, desired_present=False)
    spent = not capabilities.reference_reusable

    first = settled(lane, finished(Applied(), DELETE), policy(capabilities))
    again = settled(structs.replace(first, applied_present=True), finished(Applied(), DELETE), policy(capabilities))

    assert (first.reference, first.incarnation) == (("L-51342-2", 2) if spent else ("L-51342", 1))
    assert (again.reference, again.incarnation) == (("L-51342-3", 3) if spent else ("L-51342", 1))
