"""What differs between what a provider should hold and what it does is told by the names of fields alone."""

from typing import Any

import pytest

from sendto_dispatcher.domain.drift import Difference, Drift, difference

HELD = {"name": "Ada", "order": {"total": 1, "address": {"city": "London"}}, "tags": ["a"]}


@pytest.mark.parametrize(
    ("wanted", "held", "found"),
    [
        (HELD, HELD, None),
        (None, None, None),
        (HELD, None, Difference(Drift.MISSING)),
        (None, HELD, Difference(Drift.REMAINS)),
        (HELD, HELD | {"name": "Max"}, Difference(Drift.DIFFERS, ("name",))),
        (HELD, HELD | {"tags": ["b"]}, Difference(Drift.DIFFERS, ("tags",))),
        (
            HELD,
            HELD | {"order": {"total": 2, "address": {"city": "Paris"}}},
            Difference(Drift.DIFFERS, ("order.address.city", "order.total")),
        ),
        (HELD, HELD | {"order": None}, Difference(Drift.DIFFERS, ("order",))),
        (HELD, {"name": "Ada"}, None),
        (HELD, {"order": {"total": 1}}, Difference(Drift.DIFFERS, ("order.address",))),
        (HELD, HELD | {"more": 1}, Difference(Drift.DIFFERS, ("more",))),
    ],
)
def test_differences(wanted: Any, held: Any, found: Difference | None) -> None:
    assert difference(wanted, held) == found
