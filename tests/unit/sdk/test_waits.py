"""Rule 23: how long a provider asks us to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto.sdk import retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        (" 30 ", 30),
        ("+30", 30),
        ("1.5", 1.5),
        ("-5", 0),
        ("86401", DAY_S),
        ("99999999999", DAY_S),
        ("9" * 400, DAY_S),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60),
        ("Fri Jan  2 03:05:05 2026", 60),
        ("Fri, 02 Jan 2026 04:05:05 +0100", 60),
        ("Fri, 02 Jan 1970 03:05:05 GMT", 0),
        ("Fri, 02 Jan 9999 03:05:05 GMT", DAY_S),
        ("2026-01-02T03:05:05Z", 60),
        (str(int(NOW.timestamp()) + 60), 60),
        (str(int(NOW.timestamp()) - 60), 0),
        (str((int(NOW.timestamp()) + 60) * 1000), 60),
    ],
)
@pytest.mark.parametrize("name", ["retry-after", "x-retry-after", "ratelimit-reset", "x-ratelimit-reset"])
def test_every_way_to_say_it_is_understood_in_every_header(name: str, value: str, seconds: float) -> None:
    assert retry_after({name: value}, now=NOW) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "-inf", "1e3", "1_000", "١٢", "0x10", "30 seconds", "٣"])
def test_what_cannot_be_understood_asks_nothing(value: str) -> None:
    assert retry_after({"retry-after": value}, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"default";r=5;t=30'}, None),
        ({"ratelimit": "limit=10, remaining=0, reset=30"}, 30),
        ({"ratelimit": "limit=10, remaining=3, reset=30"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "30"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30),
        ({"x-rate-limit-reset": "30"}, 30),
        ({"retry-after": "soon", "x-retry-after": "7"}, 7),
        ({"retry-after": "5", "ratelimit-reset": "30"}, 5),
        ({"x-ratelimit-remaining": "0"}, None),
        ({}, None),
    ],
)
def test_a_window_asks_to_wait_when_it_is_spent_and_nothing_says_it_more_plainly(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, now=NOW) == seconds


@given(st.sampled_from(["retry-after", "x-retry-after", "ratelimit", "x-ratelimit-reset"]), st.text(max_size=60))
def test_no_header_breaks_anything(name: str, value: str) -> None:
    seconds = retry_after({name: value}, now=NOW)

    assert seconds is None or 0 <= seconds <= DAY_S


@given(st.integers(-100_000, 200_000))
def test_a_date_and_its_distance_mean_the_same(seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    date = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert retry_after({"retry-after": date}, now=NOW) == min(max(seconds, 0), DAY_S)
