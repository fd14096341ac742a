"""Rules 2, 16 and 29: a settle beside what happened meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from unit.dispatcher.building import GENERATION, LOOKUP, NOW, columns, finished, policy

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    Operation,
    RateLimited,
    Rejected,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto_dispatcher.domain.endings import Ending, Finished, Held, Interrupted, Released, Unchanged
from sendto_dispatcher.domain.lane import Resting
from sendto_dispatcher.domain.plan import Learned, Rest
from sendto_dispatcher.domain.settle import Columns, Policy, settle

NEWER = GENERATION + 5
UPDATE, DELETE = Operation.UPDATE, Operation.DELETE


def settled(lane: Columns, end: Finished, rules: Policy | None = None) -> Columns:
    return settle(lane, end, rules or policy(), NOW, jitter=1.0)


OVERTAKEN: dict[str, Any] = {"resend_generation": NEWER, "desired_generation": NEWER, "lease_doubt": True}


@pytest.mark.parametrize(
    ("ending", "operation"),
    [(Applied(), Operation.CREATE), (Applied(), UPDATE), (Applied(), DELETE), (Unchanged(), None)],
)
def test_rule_16_a_call_that_was_overtaken_does_not_tell_what_the_provider_holds(
    ending: Ending, operation: Any
) -> None:
    after = settled(columns(**OVERTAKEN, digest=b"digest"), finished(ending, operation))

    assert after.in_doubt
    assert after.digest is None
    assert after.due_at == NOW


def test_rule_16_a_look_up_that_was_overtaken_tells_nothing_certain() -> None:
    learned = Learned(present=False)

    assert settled(columns(**OVERTAKEN), finished(Released(), learned=learned), policy(LOOKUP)).in_doubt


def test_rule_29_a_replay_before_the_claim_is_served_by_it() -> None:
    lane = columns(resend_generation=GENERATION)

    after = settled(lane, finished(Applied()))

    assert (after.in_doubt, after.digest, after.due_at) == (False, b"digest", None)


@pytest.mark.parametrize(
    "change",
    [
        lambda lane: replace(lane, desired_generation=NEWER),
        lambda lane: replace(lane, desired_generation=NEWER, desired_present=False),
        lambda lane: lane,
    ],
)
@pytest.mark.parametrize(
    "ending",
    [
        Applied(),
        Accepted(),
        AlreadyAbsent(),
        Unsupported(),
        Transient("x"),
        RateLimited(),
        Ambiguous("x"),
        Rejected("x"),
        Unauthorized(),
        Gone(),
        Released(),
        Interrupted(),
        Held("x"),
        Unchanged(),
        Rest(Resting.DEAD, "x"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("operation", [Operation.CREATE, UPDATE, DELETE])
def test_rule_2_only_what_serves_the_desired_generation_converges_and_nothing_is_forgotten(
    change: Callable[[Columns], Columns], ending: Ending, operation: Operation
) -> None:
    lane = change(columns(applied_present=operation is not Operation.CREATE))

    after = settled(lane, finished(ending, operation))

    converged = after.applied_generation == after.desired_generation
    assert converged or after.due_at is not None or after.resting is not None
    if converged:
        assert lane.desired_generation == GENERATION
