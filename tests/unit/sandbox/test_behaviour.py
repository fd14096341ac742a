"""How the sandbox decides what to do to a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendto_sandbox.behaviour import Behaviour, Bucket, Fault, RateLimit, Treatment, decide

WELL = Treatment()


def test_by_default_it_behaves_well() -> None:
    assert {decide(Behaviour(), "PUT", "7", drawn / 10) for drawn in range(10)} == {WELL}


def test_faults_take_their_shares_one_after_the_other() -> None:
    behaviour = Behaviour(errors={500: 0.25}, apply_then={502: 0.25}, hang=0.125, reset=0.125, lose_answer=0.125)

    drawn = [decide(behaviour, "PUT", "7", number / 8) for number in range(8)]

    assert drawn == [
        *[Treatment(Fault.ANSWER, 500)] * 2,
        *[Treatment(Fault.APPLY_THEN_ANSWER, 502)] * 2,
        Treatment(Fault.HANG),
        Treatment(Fault.RESET),
        Treatment(Fault.LOSE_ANSWER),
        WELL,
    ]


@pytest.mark.parametrize(
    ("method", "reference", "concerned"), [("PUT", "7", True), ("POST", "7", False), ("PUT", "8", False)]
)
def test_only_named_requests_are_concerned(method: str, reference: str, concerned: bool) -> None:
    behaviour = Behaviour(errors={503: 1.0}, references=["7"], operations=["PUT"])

    assert (decide(behaviour, method, reference, 0.5) != WELL) is concerned


@pytest.mark.parametrize(
    ("fault", "applies", "answers"),
    [
        (Fault.NONE, True, True),
        (Fault.ANSWER, False, True),
        (Fault.APPLY_THEN_ANSWER, True, True),
        (Fault.HANG, False, False),
        (Fault.RESET, False, False),
        (Fault.LOSE_ANSWER, True, False),
    ],
)
def test_what_each_fault_does(fault: Fault, applies: bool, answers: bool) -> None:
    treatment = Treatment(fault)

    assert (treatment.applies, treatment.answers) == (applies, answers)


@pytest.mark.parametrize(
    "wrong",
    [{"hang": 0.6, "reset": 0.6}, {"errors": {99: 0.1}}, {"hang": -0.1}, {"hnag": 0.1}, {"operations": ["GET"]}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Behaviour.model_validate(wrong)


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    bucket = Bucket(RateLimit(requests=8, window_s=1, burst=3))

    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0) == 0.125
    assert bucket.take(100.125) == 0


@given(steps=st.lists(st.floats(0, 0.5), max_size=200))
def test_no_window_holds_more_than_rate_and_burst(steps: list[float]) -> None:
    bucket, now_s, passed = Bucket(RateLimit(requests=10, window_s=1, burst=5)), 0.0, 0
    for step_s in steps:
        now_s += step_s
        passed += bucket.take(now_s) == 0

    assert passed <= 5 + 10 * now_s + 1e-6
