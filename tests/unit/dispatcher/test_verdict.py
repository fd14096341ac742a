"""Every state of a lane has its verdict: one plain sentence that says what happens next."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from sendto_dispatcher.domain.lane import Resting
from sendto_dispatcher.domain.verdict import LaneView, LaneWord, lane_word, verdict

NOW = datetime(2026, 3, 4, 14, 2, 11, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
LATER = NOW + timedelta(minutes=5)
_GOOD: dict[str, Any] = {
    "lane_id": 12,
    "provider": "acme",
    "reference": "L-7",
    "configured": True,
    "desired_version": 7,
    "desired_present": True,
    "converged": True,
    "unconfirmed": False,
    "in_doubt": False,
    "leased": False,
    "lease_expired": False,
    "holder_heard_at": None,
    "resting": None,
    "due_at": None,
    "now": NOW,
    "attempts": 0,
    "failing_since": None,
    "reason": None,
    "detail": None,
    "changed_at": NOW,
}
_BEHIND = {"converged": False, "due_at": NOW}
_WAITS = _BEHIND | {"due_at": LATER, "attempts": 3, "reason": "http_500"}
_REFUSED = {"converged": False, "resting": "dead", "reason": "http_422", "detail": "email is not valid"}


def _view(**fields: Any) -> LaneView:
    return LaneView(**(_GOOD | fields))


@pytest.mark.parametrize(
    ("fields", "word", "told"),
    [
        ({}, "converged", "acme has the customer (version 7), the newest, since 2026-03-04 14:02:11 UTC."),
        (
            {"desired_present": False, "desired_version": None},
            "converged",
            "acme holds nothing, as it should after the removal, since 2026-03-04 14:02:11 UTC.",
        ),
        ({"unconfirmed": True}, "unconfirmed", "acme accepted the customer (version 7) at 2026"),
        (
            _BEHIND | {"leased": True, "holder_heard_at": NOW},
            "leased",
            "The customer (version 7) is being sent to acme now.",
        ),
        (
            _BEHIND | {"leased": True, "holder_heard_at": EARLIER, "due_at": LATER},
            "leased",
            "now, by a process that was last heard at 2026-03-04 13:57:11 UTC; another takes over at 2026-03-04 14:07",
        ),
        (_BEHIND | {"leased": True}, "leased", "by a process that has ended; another takes over"),
        (_BEHIND | {"configured": False}, "parked", "Waiting: no provider acme is configured; it goes on when"),
        (
            _BEHIND | {"configured": False, "problem": "its plugin is broken"},
            "parked",
            "Waiting: acme cannot be served (its plugin is broken); it goes on once that is mended.",
        ),
        (
            _BEHIND | {"configured": False, "disabled": True},
            "parked",
            "Waiting: acme is disabled in the configuration; it goes on once it is enabled.",
        ),
        (
            _REFUSED,
            "dead",
            "(version 7): email is not valid (http_422); it is tried again when the customer or order changes, or by",
        ),
        (
            _REFUSED | {"failing_since": EARLIER, "attempts": 9, "reason": "http_500", "detail": None},
            "dead",
            "acme did not take the customer (version 7) in 9 attempts since 2026-03-04 13:57:11 UTC (http_500);",
        ),
        (
            _REFUSED | {"reason": "adapter_error", "detail": "the adapter cannot translate this state"},
            "dead",
            "The adapter of acme failed on the customer (version 7), a fault of the plugin: the adapter cannot",
        ),
        (
            {"converged": False, "resting": "dead", "reason": "needs_delivery_address"},
            "dead",
            "acme cannot take the customer (version 7): it needs delivery address;",
        ),
        (
            {"converged": False, "resting": "unknown", "reason": "outcome_unknown"},
            "unknown",
            "it is not sent again blindly. Look there for reference L-7, then: sendto replay --lane 12",
        ),
        (
            {"converged": False, "resting": "taken"},
            "taken",
            "acme was not asked: reference L-7 belongs to an order of another source; give one of the two",
        ),
        (
            {"converged": False, "resting": "unsupported", "desired_present": False, "detail": "remains at provider"},
            "unsupported",
            "acme cannot take the removal (version 7): remains at provider.",
        ),
        (
            {"converged": False, "resting": "shadow", "reason": "shadow"},
            "shadow",
            "acme is in shadow: the customer (version 7) was translated and not sent; it is sent when that ends.",
        ),
        (
            {"converged": False, "resting": "shadow", "reason": "adapter_error"},
            "shadow",
            "was translated (adapter_error) and not sent",
        ),
        (_BEHIND, "due", "The customer (version 7) is due to go to acme now."),
        (
            _BEHIND | {"due_at": EARLIER},
            "due",
            "has been due to go to acme since 2026-03-04 13:57:11 UTC, and no process",
        ),
        (_BEHIND | {"lease_expired": True}, "due", "stopped before it knew the outcome; another takes over."),
        (
            _BEHIND | {"limit": "120/min", "tokens": 0.5},
            "due",
            "Waiting: the rate limit of acme (120/min) is used up;",
        ),
        (_WAITS, "waiting", "goes to acme again at 2026-03-04 14:07:11 UTC, after 3 failed attempts (http_500)."),
        (_WAITS | {"attempts": 1}, "waiting", "after 1 failed attempt (http_500)."),
        (_WAITS | {"attempts": 0, "reason": "rate_limited"}, "waiting", "14:07:11 UTC (rate_limited)."),
        (_WAITS | {"in_doubt": True}, "waiting", "; first it is found out whether the last attempt arrived."),
        (
            _WAITS | {"paused_at": EARLIER, "paused_by": "eve", "pause_reason": "their maintenance"},
            "waiting",
            "Waiting: acme is paused by eve since 2026-03-04 13:57:11 UTC, their maintenance (sendto resume acme).",
        ),
        (_BEHIND | {"paused_at": EARLIER}, "due", "Waiting: acme is paused by hand since"),
        (
            _BEHIND | {"held_at": EARLIER, "hold_reason": "http_401"},
            "due",
            "is held since 2026-03-04 13:57:11 UTC (http_401)",
        ),
        (_BEHIND | {"opened_at": EARLIER}, "due", "acme is down since 2026-03-04 13:57:11 UTC; it is probed"),
        (_BEHIND | {"blocked_until": LATER}, "due", "acme asked us to wait until 2026-03-04 14:07:11 UTC."),
    ],
)
def test_the_verdict_names_the_trouble(fields: Mapping[str, Any], word: str, told: str) -> None:
    view = _view(**fields)

    assert lane_word(view) == word
    assert told in verdict(view)


def test_every_state_that_a_lane_can_be_in_has_its_verdict() -> None:
    words, sentences = set(), set()
    flags = (True, False)
    for leased, resting, converged, unconfirmed, configured, due_at, present in product(
        flags, (None, *Resting), flags, flags, flags, (None, EARLIER, LATER), flags
    ):
        view = _view(
            leased=leased,
            resting=resting,
            converged=converged,
            unconfirmed=unconfirmed,
            configured=configured,
            due_at=due_at,
            desired_present=present,
        )
        told = verdict(view)
        words.add(lane_word(view))
        sentences.add(told)
        assert "acme" in told
        assert told[0].isupper() or told.startswith("acme")
        assert "None" not in told

    assert words == set(LaneWord)
    assert len(sentences) > 2 * len(words)
