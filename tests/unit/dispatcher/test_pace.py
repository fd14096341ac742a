"""Rule 30: how fast requests go out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto_dispatcher.domain.pace import AHEAD_S, Bucket, grant


def test_rule_30_nothing_is_granted_long_before_its_time() -> None:
    none = grant(0.0, Bucket(rate_per_s=1, burst=1), operations=64, requests_each=1)

    assert (none.operations, none.requests) == (0, 0)
    assert none.wait_s == pytest.approx(1 - AHEAD_S)


def test_rule_30_what_is_granted_ahead_starts_at_its_own_time() -> None:
    some = grant(1.0, Bucket(rate_per_s=50, burst=1), operations=64, requests_each=1)

    assert some.operations == 11
    assert [some.delay_s(number) for number in (1, 2, 3)] == pytest.approx([0, 0.02, 0.04])


def test_rule_30_a_burst_goes_out_at_once() -> None:
    some = grant(5.0, Bucket(rate_per_s=1, burst=5), operations=64, requests_each=1)

    assert some.operations == 5
    assert some.delay_s(5) == 0


@pytest.mark.parametrize(("level", "operations"), [(2.9, 1), (3.9, 2), (4.9, 2), (5.9, 3)])
def test_rule_30_only_whole_operations_are_granted(level: float, operations: int) -> None:
    some = grant(level, Bucket(rate_per_s=0.5, burst=9), operations=64, requests_each=2)

    assert (some.operations, some.requests) == (operations, 2 * operations)


@given(
    st.floats(0.01, 2_000),
    st.integers(1, 5),
    st.integers(0, 20),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 100)), max_size=60),
)
def test_rule_30_no_sequence_of_takes_exceeds_the_rate_or_comes_closer_than_the_spacing(
    rate_per_s: float, requests_each: int, more: int, takes: list[tuple[float, int]]
) -> None:
    bucket = Bucket(rate_per_s=rate_per_s, burst=float(requests_each + more))
    level, now_s, starts = bucket.burst, 0.0, []
    for pause_s, operations in takes:
        now_s += pause_s
        level = min(bucket.burst, level + pause_s * rate_per_s)
        some = grant(level, bucket, operations=operations, requests_each=requests_each)
        assert 0 <= some.operations <= operations
        assert some.operations or not operations or some.wait_s > 0
        starts += [now_s + some.delay_s(number) for number in range(1, some.requests + 1)]
        assert all(start <= now_s + AHEAD_S + 1e-6 for start in starts)
        level -= some.requests
    for first, start in enumerate(starts):
        for count, end in enumerate(starts[first:], start=1):
            allowed = bucket.burst + (end - start) * rate_per_s
            assert count <= allowed * (1 + 1e-6) + 1e-6 or math.isclose(count, allowed)
