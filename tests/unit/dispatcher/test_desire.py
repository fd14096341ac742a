"""What newer state means for the desired side of a lane."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from sendto_dispatcher.domain.desire import Change, Due, LaneKnown, desire
from sendto_dispatcher.domain.lane import Resting

CONVERGED = LaneKnown(
    id=1,
    provider="acme",
    desired_present=True,
    applied_present=True,
    in_doubt=False,
    leased=False,
    waiting=False,
    resting=None,
)


def test_newer_state_of_a_converged_lane_is_due_now() -> None:
    assert desire(CONVERGED, present=True) == Change(1, True, Due.NOW, revive=False)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("change", [{"waiting": True}, {"leased": True}, {"leased": True, "waiting": True}])
def test_rule_23_newer_state_changes_no_due_time(present: bool, change: dict[str, Any]) -> None:
    assert desire(replace(CONVERGED, **change), present=present) == Change(1, present, Due.KEEP, revive=False)


@pytest.mark.parametrize("resting", [Resting.DEAD, Resting.UNSUPPORTED])
@pytest.mark.parametrize("present", [True, False])
def test_rule_23_newer_state_revives_what_was_given_up(resting: Resting, present: bool) -> None:
    assert desire(replace(CONVERGED, resting=resting), present=present) == Change(1, present, Due.NOW, revive=True)


def test_rule_23_an_unknown_outcome_is_planned_again_and_does_not_count_as_revived() -> None:
    unknown = replace(CONVERGED, resting=Resting.UNKNOWN, applied_present=False, in_doubt=True)

    assert desire(unknown, present=True) == Change(1, True, Due.NOW, revive=False)
    assert desire(unknown, present=False) == Change(1, False, Due.NOW, revive=False)


def test_rule_31_a_lane_whose_reference_is_another_s_stays_as_it_is() -> None:
    taken = replace(CONVERGED, resting=Resting.TAKEN, applied_present=False)

    assert desire(taken, present=True) == Change(1, True, Due.KEEP, revive=False)


def test_rule_31_and_never_touches_the_provider_not_even_to_delete() -> None:
    taken = replace(CONVERGED, resting=Resting.TAKEN, applied_present=False)

    assert desire(taken, present=False) == Change(1, False, Due.CONVERGED, revive=True)


@pytest.mark.parametrize(("in_doubt", "leased", "held"), list(product([False, True], repeat=3)))
def test_rule_15_a_create_and_a_delete_become_none_only_when_surely_nothing_was_sent(
    in_doubt: bool, leased: bool, held: bool
) -> None:
    lane = replace(CONVERGED, in_doubt=in_doubt, leased=leased, applied_present=held)

    change = desire(lane, present=False)

    assert change is not None
    assert (change.due is Due.CONVERGED) is not (in_doubt or leased or held)


@pytest.mark.parametrize("held", [True, False])
def test_what_should_be_absent_already_does_not_change(held: bool) -> None:
    assert desire(replace(CONVERGED, desired_present=False, applied_present=held), present=False) is None


@pytest.mark.parametrize("resting", [None, Resting.DEAD, Resting.UNSUPPORTED, Resting.UNKNOWN])
@pytest.mark.parametrize("desired", [True, False])
def test_rule_7_an_absent_lane_asks_where_the_database_may_have_forgotten_what_was_sent(
    resting: Resting | None, desired: bool
) -> None:
    never = replace(CONVERGED, desired_present=desired, applied_present=False, resting=resting)

    change = desire(never, present=False, suspect=True)

    assert change is not None
    assert (change.present, change.due) == (False, Due.NOW)


def test_rule_7_but_not_where_the_reference_is_another_s() -> None:
    taken = replace(CONVERGED, desired_present=False, applied_present=False, resting=Resting.TAKEN)

    assert desire(taken, present=False, suspect=True) == Change(1, False, Due.KEEP, revive=False)
