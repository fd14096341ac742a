"""What a claimed lane needs next."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from unit.dispatcher.building import (
    ALL_CAPABILITIES,
    GENERATION,
    LOOKUP,
    NATURAL_KEY,
    NOTHING,
    REQUEST_KEY,
    UPSERT,
    claim,
    kept,
    lane,
    state,
)

from sendto.sdk import Capabilities, DeleteMode, Idempotency, Operation, Requirement
from sendto_dispatcher.domain.lane import Claim, Kept, Resting
from sendto_dispatcher.domain.plan import Confirm, Learned, LookUp, NothingToDo, Rest, Send, learn, plan


@pytest.mark.parametrize("capabilities", ALL_CAPABILITIES)
def test_rule_19_it_is_a_create_until_one_has_surely_succeeded(capabilities: Capabilities) -> None:
    step = plan(claim(), capabilities)

    assert isinstance(step, Send)
    assert (step.operation, step.generation) == (Operation.CREATE, GENERATION)


@pytest.mark.parametrize("capabilities", ALL_CAPABILITIES)
@pytest.mark.parametrize("in_doubt", [False, True])
def test_rule_19_what_is_held_is_updated_also_in_doubt(capabilities: Capabilities, in_doubt: bool) -> None:
    step = plan(claim(applied_present=True, in_doubt=in_doubt), capabilities)

    assert isinstance(step, Send)
    assert step.operation is Operation.UPDATE


@pytest.mark.parametrize("capabilities", ALL_CAPABILITIES)
def test_rule_15_a_create_and_a_delete_that_were_never_sent_make_no_call(capabilities: Capabilities) -> None:
    assert plan(claim(desired_present=False), capabilities) == NothingToDo()


@pytest.mark.parametrize("capabilities", [UPSERT, NATURAL_KEY])
def test_rule_15_a_delete_in_doubt_is_sent(capabilities: Capabilities) -> None:
    step = plan(claim(desired_present=False, in_doubt=True), capabilities)

    assert step == Send(Operation.DELETE, GENERATION, None)


@pytest.mark.parametrize("capabilities", ALL_CAPABILITIES)
def test_what_is_held_and_not_wanted_is_deleted_without_personal_data(capabilities: Capabilities) -> None:
    assert plan(claim(desired_present=False, applied_present=True), capabilities) == Send(
        Operation.DELETE, GENERATION, None
    )


@pytest.mark.parametrize(
    ("capabilities", "held", "desired", "words"),
    [
        (replace(UPSERT, supports_delete=False), True, False, "remains at provider"),
        (replace(UPSERT, delete_mode=DeleteMode.NONE), True, False, "remains at provider"),
        (replace(LOOKUP, supports_update=False), True, True, "the provider keeps the older state"),
    ],
)
def test_rule_28_what_is_unsupported_rests(capabilities: Capabilities, held: bool, desired: bool, words: str) -> None:
    step = plan(claim(applied_present=held, desired_present=desired), capabilities)

    assert isinstance(step, Rest)
    assert (step.resting, step.detail) == (Resting.UNSUPPORTED, words)


def test_an_upsert_needs_no_update() -> None:
    assert isinstance(plan(claim(applied_present=True), replace(UPSERT, supports_update=False)), Send)


@pytest.mark.parametrize("desired", [True, False])
def test_rule_18_a_create_in_doubt_is_looked_up(desired: bool) -> None:
    assert plan(claim(in_doubt=True, desired_present=desired), LOOKUP) == LookUp()


@pytest.mark.parametrize("capabilities", [UPSERT, NATURAL_KEY])
def test_rule_18_an_upsert_and_a_natural_key_are_sent_again_in_the_newest_state(capabilities: Capabilities) -> None:
    newest = state(9)

    step = plan(claim(newest, in_doubt=True), capabilities)

    assert isinstance(step, Send)
    assert (step.operation, step.state) == (Operation.CREATE, newest)


@pytest.mark.parametrize("desired", [True, False])
def test_rule_18_a_create_with_a_request_key_is_repeated_with_its_own_body_and_generation(desired: bool) -> None:
    old, newest = state(1), state(2)

    step = plan(claim(newest, in_doubt=True, desired_present=desired, kept=kept(GENERATION - 1, body=old)), REQUEST_KEY)

    assert step == Send(Operation.CREATE, GENERATION - 1, old, keep=True)


def test_rule_18_the_first_create_with_a_request_key_is_kept() -> None:
    step = plan(claim(), REQUEST_KEY)

    assert isinstance(step, Send)
    assert step.keep


@pytest.mark.parametrize("capabilities", [UPSERT, NATURAL_KEY, LOOKUP, NOTHING, replace(REQUEST_KEY, upsert=True)])
def test_rule_1_nothing_else_keeps_personal_data_in_a_lane(capabilities: Capabilities) -> None:
    step = plan(claim(), capabilities)

    assert isinstance(step, Send)
    assert not step.keep


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (None, "what was sent is not known any more"),
        (Kept(generation=GENERATION, state=None, age_s=1), "what was sent is not known any more"),
        (kept(age_s=3_600), "the provider has forgotten the request's key"),
        (kept(age_s=3_591), "the provider has forgotten the request's key"),
    ],
    ids=["never kept", "erased", "too old", "too old before the attempt's end"],
)
@pytest.mark.parametrize("desired", [True, False])
def test_rule_18_what_cannot_be_repeated_rests_as_unknown(memory: Kept | None, words: str, desired: bool) -> None:
    step = plan(claim(in_doubt=True, kept=memory, desired_present=desired), REQUEST_KEY, attempt_s=10)

    assert step == Rest(Resting.UNKNOWN, "outcome_unknown", words)


@pytest.mark.parametrize("desired", [True, False])
def test_rule_18_where_nothing_can_tell_the_lane_rests_as_unknown(desired: bool) -> None:
    step = plan(claim(in_doubt=True, desired_present=desired), NOTHING)

    assert isinstance(step, Rest)
    assert step.resting is Resting.UNKNOWN


def test_rule_18_a_look_up_that_found_the_object_leads_to_an_update() -> None:
    known = learn(lane(in_doubt=True, digest=b"old"), Learned(present=True, remote="r-1"))

    step = plan(Claim(lane=known, state=state()), LOOKUP)

    assert isinstance(step, Send)
    assert step.operation is Operation.UPDATE
    assert (known.remote, known.digest) == ("r-1", None)


def test_rule_18_a_look_up_that_found_nothing_leads_to_a_create_or_to_nothing() -> None:
    known = learn(lane(in_doubt=True, remote="old"), Learned(present=False, remote="ignored"))

    assert known.remote is None
    assert plan(Claim(lane=known, state=state()), LOOKUP) == Send(Operation.CREATE, GENERATION, state())
    assert plan(Claim(lane=structs.replace(known, desired_present=False), state=state()), LOOKUP) == NothingToDo()


@pytest.mark.parametrize(
    ("requirement", "lacking", "having"),
    [
        (Requirement.PHONE, {}, {"mobile_e164": "+447777777777"}),
        (Requirement.EMAIL, {}, {"email": "ada@shop.test"}),
        (Requirement.LAST_NAME, {"last_name": ""}, {}),
        (
            Requirement.DELIVERY_ADDRESS,
            {},
            {"order": {"order_type": "delivery", "address": {"address_1": "1 High Street", "country": "GB"}}},
        ),
    ],
)
def test_a_requirement_that_is_missing_is_dead_until_newer_state_brings_it(
    requirement: Requirement, lacking: dict[str, Any], having: dict[str, Any]
) -> None:
    capabilities = replace(UPSERT, requires=frozenset({requirement}))

    assert plan(claim(state(**lacking)), capabilities) == Rest(
        Resting.DEAD, f"needs_{requirement}", f"needs {requirement}"
    )
    assert isinstance(plan(claim(state(**having)), capabilities), Send)


def test_an_order_type_that_is_not_served_rests_as_unsupported() -> None:
    step = plan(claim(), replace(UPSERT, order_types=frozenset({"collection"})))

    assert isinstance(step, Rest)
    assert step.resting is Resting.UNSUPPORTED


def test_an_order_whose_state_is_forgotten_is_dead() -> None:
    step = plan(Claim(lane=lane(), state=None), UPSERT)

    assert isinstance(step, Rest)
    assert (step.resting, step.reason) == (Resting.DEAD, "no_state")


_ASYNC = Capabilities(upsert=True, idempotency=Idempotency.NATURAL_KEY, async_apply=True, has_fetch=True)
_ACCEPTED: dict[str, Any] = {
    "unconfirmed": True,
    "remote": "r-1",
    "applied_present": True,
    "applied_generation": GENERATION,
}


@pytest.mark.parametrize("in_doubt", [False, True])
def test_rule_28_an_accepted_state_is_asked_back(in_doubt: bool) -> None:
    newest = state()

    assert plan(claim(newest, **_ACCEPTED, in_doubt=in_doubt), _ASYNC) == Confirm("r-1", newest)
    assert plan(claim(newest, **_ACCEPTED, desired_present=False), _ASYNC) == Confirm("r-1", None)


@pytest.mark.parametrize(
    "changes",
    [{"remote": None}, {"unconfirmed": False}, {"applied_generation": GENERATION - 1}],
    ids=["no id", "confirmed", "newer state"],
)
def test_rule_28_nothing_else_is_asked_back(changes: dict[str, Any]) -> None:
    assert isinstance(plan(claim(**(_ACCEPTED | changes)), _ASYNC), Send)
    assert isinstance(plan(claim(**_ACCEPTED), replace(_ASYNC, has_fetch=False)), Send)
