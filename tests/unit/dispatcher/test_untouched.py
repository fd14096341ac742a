"""A success at a lane as its claim left it is settled without reading the lane. Rule 13."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from unit.dispatcher.building import ALL_CAPABILITIES, GENERATION, NOW, finished, kept, lane, later, policy

from sendto.sdk import Accepted, Applied, Operation, Rejected, RemoteRef
from sendto_dispatcher.domain.lane import Resting, Version
from sendto_dispatcher.domain.plan import Learned
from sendto_dispatcher.domain.settle import settle
from sendto_dispatcher.domain.untouched import as_claimed, needs_no_look

_MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2025, 1, 1))  # noqa: DTZ001 - hypothesis takes bounds without a zone
_WORDS = st.none() | st.sampled_from(["http_500", "http_422"])
_NOT_CLAIMED = st.fixed_dictionaries(
    {
        "applied_version": st.none() | st.builds(Version, carried=st.booleans(), number=st.integers(0, 9)),
        "due_at": _MOMENTS,
        "not_before": _MOMENTS,
        "failing_since": _MOMENTS,
        "failing_stopped_s": st.none() | st.floats(0, 100),
        "resting": st.none() | st.sampled_from([str(one) for one in Resting]),
        "reason": _WORDS,
        "detail": _WORDS,
        "behind_since": _MOMENTS,
    }
)
"""columns of a lane that its claim does not bring"""
_CLAIMED = st.fixed_dictionaries(
    {
        "applied_generation": st.sampled_from([0, GENERATION - 1, GENERATION]),
        "applied_present": st.booleans(),
        "unconfirmed": st.booleans(),
        "remote": st.none() | st.just("r-1"),
        "digest": st.none() | st.just(b"digest"),
        "in_doubt": st.booleans(),
        "kept": st.none() | st.just(kept()),
        "attempts": st.integers(0, 3),
        "hanging": st.booleans(),
        "resend_generation": st.sampled_from([0, GENERATION - 1, GENERATION]),
    }
)


def _applied(**changes: Any) -> Any:
    return finished(Applied(RemoteRef("r-2")), digest=b"sent", **changes)


@given(
    claimed=_CLAIMED,
    rest=_NOT_CLAIMED,
    operation=st.sampled_from([Operation.CREATE, Operation.UPDATE]),
    capabilities=st.sampled_from(ALL_CAPABILITIES),
)
def test_what_the_claim_does_not_bring_and_the_time_change_nothing(
    claimed: dict[str, Any], rest: dict[str, Any], operation: Operation, capabilities: Any
) -> None:
    found, ended, rules = lane(seen=7, **claimed), _applied(operation=operation), policy(capabilities=capabilities)
    assert needs_no_look(found, ended)

    unread = settle(as_claimed(found), ended, rules, NOW)

    assert unread == settle(replace(as_claimed(found), **rest), ended, rules, later(1_000))


def test_everything_else_is_looked_at() -> None:
    found = lane(seen=7)
    assert needs_no_look(found, _applied())
    assert not needs_no_look(lane(), _applied())
    assert not needs_no_look(lane(seen=7, resend_generation=GENERATION + 1), _applied())
    assert not needs_no_look(found, _applied(generation=GENERATION - 1))
    assert not needs_no_look(found, _applied(operation=Operation.DELETE))
    assert not needs_no_look(found, _applied(learned=Learned(present=True, remote=None)))
    for ending in (Accepted(RemoteRef("r-2")), Rejected("http_422")):
        assert not needs_no_look(found, finished(ending))
