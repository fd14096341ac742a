"""Rule 33: lanes of providers that are not served are counted apart and say nothing of freshness."""

from datetime import UTC, datetime

from sendto_dispatcher.ops.gauges import with_parked
from sendto_dispatcher.store.census import LaneNumbers

NOW = datetime.now(UTC)
NUMBERS = LaneNumbers(
    now=NOW,
    counts={
        ("here", "due"): 1,
        ("here", "converged"): 2,
        ("gone", "due"): 4,
        ("gone", "waiting"): 8,
        ("gone", "leased"): 16,
        ("gone", "dead"): 32,
        ("gone", "converged"): 64,
    },
    counted_at=NOW,
    behind_s={"here": 1.0, "gone": 1000.0},
    overdue_s={"here": 0.5, "gone": 999.0},
)


def test_what_would_go_on_is_parked_and_the_rest_stays_what_it_is() -> None:
    assert with_parked(NUMBERS, {"here"}) == LaneNumbers(
        now=NOW,
        counts={
            ("here", "due"): 1,
            ("here", "converged"): 2,
            ("gone", "parked"): 28,
            ("gone", "dead"): 32,
            ("gone", "converged"): 64,
        },
        counted_at=NOW,
        behind_s={"here": 1.0},
        overdue_s={"here": 0.5},
    )


def test_where_every_provider_is_served_nothing_is_parked() -> None:
    assert with_parked(NUMBERS, {"here", "gone"}) == NUMBERS
