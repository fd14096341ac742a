"""Rule 7: where a newly assigned partition is read from, and what that proves."""

from dataclasses import replace
from itertools import product

import pytest

from sendto_dispatcher.domain.placement import Known, Placement, place

HERE = Known(cluster_id="a", begin=0, end=100, committed=50, stored_cluster_id="a", stored=50)
FRESH = replace(HERE, committed=None, stored_cluster_id=None, stored=None)


def test_a_partition_that_nobody_has_read_begins_at_the_earliest_record() -> None:
    assert place(replace(FRESH, begin=7)) == Placement(start=7)


def test_where_both_agree_it_goes_on_there() -> None:
    assert place(HERE) == Placement(start=50)


def test_an_older_committed_offset_is_read_from_and_what_was_taken_is_dropped_there() -> None:
    assert place(replace(HERE, committed=40)) == Placement(start=40)
    assert place(replace(HERE, committed=None)) == Placement(start=50)


def test_a_position_below_the_committed_offset_proves_a_loss() -> None:
    assert place(replace(HERE, stored=30)) == Placement(start=30, behind_until=50)


def test_a_committed_offset_without_a_position_proves_the_loss_of_everything() -> None:
    assert place(replace(HERE, stored=None, stored_cluster_id=None)) == Placement(start=0, behind_until=50)


def test_records_that_left_the_log_are_a_gap() -> None:
    assert place(replace(HERE, begin=60)) == Placement(start=60, gap=10)
    assert place(replace(HERE, begin=60, stored=30)) == Placement(start=60, gap=30, behind_until=50)


@pytest.mark.parametrize("other", [{"cluster_id": "b"}, {"end": 49}])
def test_another_cluster_or_a_position_beyond_the_end_is_a_reset(other: dict[str, str]) -> None:
    assert place(replace(HERE, begin=3, **other)) == Placement(start=3, reset=True)  # type: ignore[arg-type]  # any fields


def test_nothing_is_ever_passed_over_in_silence() -> None:
    offsets = [None, 0, 3, 5, 9]
    for begin, committed, stored in product([0, 3, 6], offsets, offsets):
        known = Known(
            cluster_id="a",
            begin=begin,
            end=9,
            committed=committed,
            stored_cluster_id=None if stored is None else "a",
            stored=stored,
        )
        placement = place(known)
        first_needed = min((offset for offset in (stored, committed) if offset is not None), default=begin)
        assert begin <= placement.start
        assert placement.start <= max(first_needed, begin)
        if stored is not None:
            assert placement.gap == max(0, begin - first_needed)
        lost = committed is not None and committed > (stored or 0)
        assert (placement.behind_until is not None) == lost


def test_what_this_process_has_taken_proves_a_loss_as_a_committed_offset_does() -> None:
    """The offset may have been committed too late, or not at all."""
    assert place(replace(HERE, stored=30, committed=30, taken=45)) == Placement(start=30, behind_until=45)
    assert place(replace(HERE, stored=50, committed=30, taken=45)) == Placement(start=30)
    assert place(replace(FRESH, taken=45)) == Placement(start=0, behind_until=45)


def test_but_not_where_the_log_has_never_been_so_long() -> None:
    assert place(replace(HERE, taken=101)) == Placement(start=50)


def test_a_place_that_the_broker_refuses_and_that_is_not_below_the_log_is_of_another_log() -> None:
    refused = replace(HERE, refused=True)

    assert place(replace(refused, begin=3)) == Placement(start=3, reset=True), "the log has grown again meanwhile"
    assert place(replace(refused, begin=60)) == Placement(start=60, gap=10)
