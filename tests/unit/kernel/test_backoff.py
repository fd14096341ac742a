"""How long to wait after failures."""

from hypothesis import given
from hypothesis import strategies as st

from sendto.kernel.backoff import Backoff


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.001, 10), st.floats(10, 10_000))
def test_a_wait_lies_between_half_and_all_of_the_doubled_base_and_never_above_the_cap(
    failures: int, jitter: float, base_s: float, cap_s: float
) -> None:
    wait_s = Backoff(base_s=base_s, cap_s=cap_s).wait_s(failures, jitter)

    full_s = min(cap_s, base_s * 2.0 ** min(failures - 1, 62))
    assert full_s / 2 <= wait_s <= full_s


def test_waits_are_drawn_so_that_what_failed_together_does_not_come_back_together() -> None:
    backoff = Backoff(base_s=1, cap_s=100)

    assert len({backoff.wait_s(5) for _ in range(100)}) > 50
