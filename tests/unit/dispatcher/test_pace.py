"""Rule 30: how fast requests go out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto_dispatcher.domain.pace import AHEAD_S, LATE_S, Bucket, Grant, grant


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


def test_rule_30_a_turn_is_at_its_own_time_but_a_slow_claim_makes_none_of_them_late() -> None:
    some = Grant(operations=3, requests=3, level=0.0, rate_per_s=50, at_s=100.0)

    assert [some.starts_s(number, 100.04) for number in (1, 2)] == pytest.approx([100.02, 100.04])
    assert some.starts_s(1, 103.0) == pytest.approx(103 - LATE_S / 2 + 0.02)


@pytest.mark.parametrize(("level", "operations"), [(2.9, 1), (3.9, 2), (4.9, 2), (5.9, 3)])
def test_rule_30_only_whole_operations_are_granted(level: float, operations: int) -> None:
    some = grant(level, Bucket(rate_per_s=0.5, burst=9), operations=64, requests_each=2)

    assert (some.operations, some.requests) == (operations, 2 * operations)


@given(
    st.floats(1, 1_000),
    st.integers(1, 10),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3 * LATE_S)), min_size=1, max_size=60),
)
def test_rule_30_however_late_no_more_go_out_than_a_burst_and_what_is_allowed_in_the_time_and_the_lateness(
    rate_per_s: float, burst: int, takes: list[tuple[float, float]]
) -> None:
    """Each take is one of another process, which is held up for some time before it sends."""
    bucket = Bucket(rate_per_s=rate_per_s, burst=float(burst))
    level, now_s, sent = bucket.burst, 0.0, []
    for pause_s, late_s in takes:
        now_s += pause_s
        level = min(bucket.burst, level + pause_s * rate_per_s)
        some = grant(level, bucket, operations=20, requests_each=1)
        level -= some.requests
        starts = [now_s + some.delay_s(number) for number in range(1, some.requests + 1)]
        woken = [max(start, now_s + late_s) for start in starts]
        sent += [at for start, at in zip(starts, woken, strict=True) if at <= start + LATE_S]
    sent.sort()
    for first, start in enumerate(sent):
        for count, end in enumerate(sent[first:], start=1):
            assert count <= (bucket.burst + (end - start + LATE_S) * rate_per_s) * (1 + 1e-6) + 1e-6


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
