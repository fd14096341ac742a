"""The checker on records made by hand: it is content with what is right, and finds each kind of wrong."""

from dataclasses import replace
from typing import Any

import pytest
from faults.checking.checker import check
from faults.checking.records import Attempted, Held, Late, Logged, Records, Window, Written


def _state(name: str) -> dict[str, Any]:
    return {"first_name": name, "email": f"{name.lower()}@shop.test"}


def _written(version: int, name: str | None, at_s: float, reference: str = "7") -> Written:
    state = _state(name) if name else None
    return Written(reference=reference, version=version, state=state, at_s=at_s)


def _logged(version: int, effect: str, at_s: float, reference: str = "7", caller: str | None = None) -> Logged:
    return Logged(
        at_s=at_s, reference=reference, version=version, generation=version * 10, effect=effect, caller=caller
    )


def _held(version: int, name: str, reference: str = "7") -> Held:
    return Held(reference=reference, version=version, state=_state(name))


def _attempted(version: int, requests: int = 1, reference: str = "7") -> Attempted:
    return Attempted(reference=reference, generation=version * 10, requests=requests)


GOOD = Records(
    written=[
        _written(1, "Ada", 1),
        _written(2, "Augusta", 2),
        _written(1, "Grace", 1, "8"),
        _written(3, None, 3, "8"),
        _written(2, None, 2, "9"),
    ],
    log=[
        _logged(1, "created", 1.5),
        _logged(1, "created", 1.6, "8"),
        _logged(2, "none", 2.1),
        _logged(2, "replaced", 2.5),
        _logged(3, "deleted", 3.5, "8"),
        _logged(3, "none", 3.6, "8"),
    ],
    held=[_held(2, "Augusta")],
    attempts=[
        _attempted(1),
        _attempted(1, reference="8"),
        _attempted(2),
        _attempted(2),
        _attempted(3, 0, "8"),
        _attempted(3, 1, "8"),
    ],
    windows=[Window(kind="kill", begin_s=2, ready_s=4)],
)


def _rules(records: Records) -> set[str]:
    return {violation.rule for violation in check(records)}


def test_what_is_right_breaks_nothing() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([], "is missing"),
        ([_held(1, "Ada")], "holds version 1, wrong in first_name, email"),
        ([_held(2, "Augusta"), _held(1, "Grace", "8")], "is deleted, and version 1 is held"),
        ([_held(2, "Augusta"), _held(1, "Mary", "10")], "was never written"),
    ],
)
def test_the_final_state_is_the_newest(held: list[Held], told: str) -> None:
    found = check(replace(GOOD, held=held))

    assert told in {violation.detail for violation in found if violation.rule == "final"}


def test_the_truth_of_a_restored_api_stands_above_what_was_written() -> None:
    back = replace(GOOD, held=[_held(1, "Ada")], truth={"7": _state("Ada")})

    assert "final" not in _rules(back)
    assert "final" in _rules(replace(back, held=GOOD.held))


def test_a_write_that_a_restore_has_lost_need_not_be_there_afterwards() -> None:
    written = [*GOOD.written, _written(3, "Mary", 3)]
    log = [replace(entry, state=_state("Augusta")) if entry.version == 2 else entry for entry in GOOD.log]
    lost = replace(GOOD, written=written, log=log, truth={"7": _state("Augusta")})

    assert check(lost) == []
    assert _rules(replace(lost, truth=None)) == {"final", "late"}


def test_two_objects_in_the_end_are_found() -> None:
    assert "doubled" in _rules(replace(GOOD, held=[*GOOD.held, *GOOD.held]))


def test_a_second_object_that_was_deleted_again_is_found() -> None:
    log = [*GOOD.log, _logged(2, "created", 4), _logged(2, "deleted", 5), _logged(2, "created", 6)]

    assert "doubled" in _rules(replace(GOOD, log=log))


def test_an_object_that_was_deleted_and_made_again_is_no_second_one() -> None:
    log = [*GOOD.log, _logged(2, "deleted", 4), _logged(2, "created", 5)]
    attempts = [*GOOD.attempts, _attempted(2), _attempted(2)]

    assert check(replace(GOOD, log=log, attempts=attempts)) == []


def test_the_customer_of_a_deleted_order_under_another_reference_is_found() -> None:
    assert "remains" in _rules(replace(GOOD, held=[*GOOD.held, _held(1, "Grace", "8-2")]))


def test_an_older_state_after_a_newer_one_is_found_though_the_newest_follows() -> None:
    log = [*GOOD.log, _logged(1, "replaced", 4), _logged(2, "replaced", 5)]

    assert _rules(replace(GOOD, log=log)) == {"overtaken", "history"}


def test_a_late_call_of_a_frozen_process_is_allowed_if_the_newest_follows_in_time() -> None:
    frozen = Window(kind="freeze", begin_s=2, ready_s=5, late=Late(callers=frozenset({"frozen"}), since_s=3))
    late, follows = _logged(1, "replaced", 4, caller="frozen"), _logged(2, "replaced", 33)
    attempts = [*GOOD.attempts, _attempted(1), _attempted(2)]
    right = replace(GOOD, windows=[frozen], attempts=attempts, log=[*GOOD.log, late, follows])

    assert check(right) == []
    assert _rules(replace(right, log=[*GOOD.log, late, replace(follows, at_s=36)])) == {"overtaken", "late"}
    assert "overtaken" in _rules(replace(right, log=[*GOOD.log, late]))
    assert "overtaken" in _rules(replace(right, log=[*GOOD.log, replace(late, at_s=36), replace(follows, at_s=37)]))


def test_a_late_call_is_made_good_by_a_deletion_that_needs_no_call() -> None:
    """An older deletion comes late, the newest state is a deletion too: nothing is held, and nothing need be done."""
    restored = Window(kind="restore", begin_s=2, ready_s=5, late=Late(callers=frozenset({"any"}), since_s=3))
    written = [*GOOD.written, _written(3, None, 3), _written(4, "Mary", 3.5), _written(5, None, 4)]
    log = [
        *GOOD.log,
        _logged(4, "replaced", 3.7, caller="any"),
        _logged(3, "deleted", 5, caller="any"),
    ]
    attempts = [*GOOD.attempts, _attempted(3), _attempted(4)]
    right = replace(GOOD, written=written, log=log, attempts=attempts, held=[], windows=[restored])

    assert check(right) == []
    assert _rules(replace(right, written=written[:-1])) == {"final", "overtaken", "late"}


def test_a_late_call_of_another_process_or_before_the_thaw_is_found() -> None:
    frozen = Window(kind="freeze", begin_s=2, ready_s=5, late=Late(callers=frozenset({"frozen"}), since_s=4.5))
    late, follows = _logged(1, "replaced", 5, caller="frozen"), _logged(2, "replaced", 6)
    attempts = [*GOOD.attempts, _attempted(1), _attempted(2)]
    right = replace(GOOD, windows=[frozen], attempts=attempts, log=[*GOOD.log, late, follows])

    assert check(right) == []
    assert _rules(replace(right, log=[*GOOD.log, replace(late, caller="other"), follows])) == {"overtaken"}
    assert _rules(replace(right, log=[*GOOD.log, replace(late, at_s=4), follows])) == {"overtaken"}


def test_a_request_without_an_attempt_is_found() -> None:
    assert _rules(replace(GOOD, attempts=GOOD.attempts[1:])) == {"history"}
    assert _rules(replace(GOOD, log=[*GOOD.log, _logged(2, "replaced", 4)])) == {"history"}


def test_what_a_restore_took_from_the_history_is_not_missed() -> None:
    restored = Window(kind="restore", begin_s=2, ready_s=4, lost_s=(1, 2))

    assert check(replace(GOOD, attempts=GOOD.attempts[2:], windows=[restored])) == []
    assert _rules(replace(GOOD, attempts=GOOD.attempts[3:], windows=[restored])) == {"history"}


def test_what_a_provider_saves_late_is_no_second_request() -> None:
    asked = replace(_logged(2, "later", 3))
    saved = replace(_logged(2, "replaced", 4), is_request=False)
    log = [*GOOD.log, asked, saved]

    assert check(replace(GOOD, log=log, attempts=[*GOOD.attempts, _attempted(2)])) == []


def test_a_state_that_is_late_after_a_fault_is_found() -> None:
    log = [replace(entry, at_s=40) if entry.version == 2 and entry.applied else entry for entry in GOOD.log]

    assert _rules(replace(GOOD, log=log)) == {"late"}


def test_a_deletion_that_is_late_after_a_fault_is_found() -> None:
    log = [replace(entry, at_s=40) if entry.effect == "deleted" else entry for entry in GOOD.log]

    assert _rules(replace(GOOD, log=log)) == {"late"}


def test_a_fault_that_others_follow_at_once_is_judged_by_the_last() -> None:
    log = [replace(entry, at_s=40) if entry.version == 2 and entry.applied else entry for entry in GOOD.log]
    another = Window(kind="kill", begin_s=30, ready_s=31)

    assert check(replace(GOOD, log=log, windows=[*GOOD.windows, another])) == []


def test_what_is_written_after_a_fault_is_not_its_matter() -> None:
    later = _written(5, "Mary", 10)
    log = [*GOOD.log, _logged(5, "replaced", 60)]
    attempts = [*GOOD.attempts, _attempted(5)]

    assert (
        check(replace(GOOD, written=[*GOOD.written, later], log=log, attempts=attempts, held=[_held(5, "Mary")])) == []
    )
