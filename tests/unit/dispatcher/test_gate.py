"""Rules 23 to 25: whether lanes of a provider may be claimed now."""

from itertools import product

import pytest
from unit.dispatcher.building import NOW, later

from sendto_dispatcher.domain.gate import Gate, Open, Probe, ProviderState, Shut, gate

PAUSED = {"paused_at": later(-60)}
HELD = {"held_at": later(-60), "hold_reason": "unauthorized"}
OPENED = {"opened_at": later(-60)}
BLOCKED = {"blocked_until": later(30)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Open()),
        ({"blocked_until": later(0)}, Open()),
        ({"probe_at": later(9)}, Open()),
        (BLOCKED, Shut(30)),
        (PAUSED, Shut(None)),
        (HELD, Probe()),
        (OPENED, Probe()),
        (HELD | {"probe_at": later(3)}, Shut(3)),
        (OPENED | {"probe_at": later(0)}, Probe()),
        (OPENED | BLOCKED, Shut(30)),
    ],
)
def test_what_each_field_does(fields: dict[str, object], expected: Gate) -> None:
    assert gate(ProviderState(now=NOW, **fields)) == expected  # type: ignore[arg-type]  # by keyword


@pytest.mark.parametrize("others", list(product([{}, HELD], [{}, OPENED], [{}, BLOCKED])))
def test_rule_24_a_pause_stops_all_whatever_else_there_is(others: tuple[dict[str, object], ...]) -> None:
    fields = PAUSED | {name: value for other in others for name, value in other.items()}

    assert gate(ProviderState(now=NOW, **fields)) == Shut(None)  # type: ignore[arg-type]  # any fields
