"""How a provider is told of in one line."""

from typing import Any

import pytest

from sendto_cli.commands.providers import _told

_AT, _TOLD = "2026-05-01T08:00:00Z", "2026-05-01 08:00:00 UTC"
_WELL: dict[str, Any] = {"provider": "acme", "lanes": {"due": 2, "converged": 5}}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"state": "serving"}, "acme  serving  5 converged  2 due"),
        ({"state": "shadow", "lanes": {}}, "acme  shadow"),
        ({"state": "broken", "problem": "no licence", "lanes": {}}, "acme  broken: no licence"),
        (
            {"state": "paused", "paused_by": "ann", "paused_at": _AT, "pause_reason": "their night", "lanes": {}},
            f"acme  paused by ann since {_TOLD} (their night)",
        ),
        (
            {"state": "paused", "paused_by": "ann", "paused_at": _AT, "pause_reason": None, "lanes": {}},
            f"acme  paused by ann since {_TOLD}",
        ),
        ({"state": "held", "held_at": _AT, "hold_reason": "gone", "lanes": {}}, f"acme  held since {_TOLD} (gone)"),
        (
            {"state": "down", "opened_at": _AT, "probe_at": _AT, "lanes": {}},
            f"acme  down since {_TOLD}, next probe at {_TOLD}",
        ),
        ({"state": "waiting", "blocked_until": _AT, "lanes": {}}, f"acme  waiting until {_TOLD}, as it asked"),
        ({"state": "not configured", "lanes": {"due": 1}}, "acme  not configured  1 due"),
    ],
)
def test_a_line_tells_the_state_its_reason_and_the_lanes(row: dict[str, Any], line: str) -> None:
    assert _told(_WELL | row) == line
