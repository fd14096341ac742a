"""Cursors of lists: what was written is read again, and nothing else is."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto_api.orders.cursors import SORTS, Cursor, Sort, read_cursor, write_cursor

VALUES: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(0, 2**63 - 1),
    datetime: st.datetimes(datetime(1980, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive, the zone comes beside them
    Decimal: st.decimals(-(10**11), 10**11, places=4),
    str: st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=48).map(str.strip),
}
CURSORS = st.sampled_from(sorted(SORTS)).flatmap(
    lambda name: st.builds(
        Cursor, st.builds(Sort, st.just(name), st.booleans()), VALUES[SORTS[name]], st.integers(1, 2**63 - 1)
    )
)


@given(CURSORS)
def test_what_was_written_is_read_again(cursor: Cursor) -> None:
    assert read_cursor(write_cursor(cursor)) == cursor


@given(st.text())
def test_any_other_text_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no cursor of a list"):
        read_cursor(text)


@pytest.mark.parametrize(
    "content",
    [
        ["order_id", True, "1", 1],
        ["order_id", 1, 1, 1],
        ["order_id", True, -1, 1],
        ["order_id", True, 2**63, 1],
        ["order_id", True, 1, 0],
        ["order_id", True, 1, 2**63],
        ["order_id", True, 1],
        ["hash", True, 1, 1],
        ["order_total", True, "NaN", 1],
        ["order_total", True, "1e30", 1],
        ["date_added", True, "2024-01-01", 1],
        ["date_added", True, "0001-01-01T00:00:00.000000+00:00", 1],
        ["last_name", True, "x" * 200, 1],
        ["last_name", True, "a\x00b", 1],
        {"sort": "order_id"},
    ],
)
def test_what_could_not_have_been_written_is_none(content: Any) -> None:
    text = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).rstrip(b"=").decode()

    with pytest.raises(ValueError, match="is no cursor of a list"):
        read_cursor(text)
