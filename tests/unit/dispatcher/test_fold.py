"""Rules 3, 8 and 11: what a batch's events make of one order's state."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations, product
from typing import Any

import pytest
from msgspec import structs

from sendto.events.customer import Customer, OrderSnapshot
from sendto.events.envelope import CustomerEvent, EventType
from sendto_dispatcher.domain.fold import Arrived, Folded, OrderKnown, TakeVerdict, fold
from sendto_dispatcher.domain.routing import Routing, Rule

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROUTING = Routing((Rule(to=("british",), country=frozenset({"GB"})),), ("standard",))
COUNTED, FOLDED = TakeVerdict.COUNTED, TakeVerdict.FOLDED
STALE, REPEATED, UNVERSIONED = TakeVerdict.STALE, TakeVerdict.REPEATED, TakeVerdict.UNVERSIONED


def event(version: int | None, *, gone: bool = False, name: str = "Ada", **changes: Any) -> Arrived:
    made = CustomerEvent(
        type=EventType.DELETED if gone else EventType.UPDATED,
        id=f"{version}-{name}",
        source="/shop",
        order_id=7,
        orderversion=version,
        customer=None if gone else Customer(first_name=name, last_name=""),
        order=None if gone else OrderSnapshot(order_type="delivery"),
    )
    return Arrived(event=replace(made, **changes), recorded_at=NOW)


def known(version: int, *, carried: bool = True, **changes: Any) -> OrderKnown:
    state = fold(None, [event(version)], ROUTING).state
    assert state is not None
    return structs.replace(state, carried=carried, **changes)


def words(folded: Folded) -> list[TakeVerdict]:
    return [verdict for verdict, *_ in folded.verdicts]


@pytest.mark.parametrize(
    ("state", "version", "verdict"),
    [
        (None, 0, COUNTED),
        (None, None, COUNTED),
        (known(5), 6, COUNTED),
        (known(5), 5, REPEATED),
        (known(5), 4, STALE),
        (known(5), None, UNVERSIONED),
        (known(9, carried=False), 0, COUNTED),
        (known(9, carried=False), 9, COUNTED),
        (known(9, carried=False), None, COUNTED),
        (known(2**63 - 1), 2**63 - 1, REPEATED),
    ],
)
def test_rule_3_a_carried_version_is_newer_than_any_uncarried_one(
    state: OrderKnown | None, version: int | None, verdict: TakeVerdict
) -> None:
    folded = fold(state, [event(version)], ROUTING)

    assert words(folded) == [verdict]
    assert (folded.state is not None) == (verdict is COUNTED)
    if folded.state is not None:
        assert folded.state.carried == (version is not None)


def test_rule_3_of_equal_versions_the_first_counts() -> None:
    folded = fold(None, [event(5, name="First"), event(5, name="Second")], ROUTING)

    assert words(folded) == [COUNTED, REPEATED]
    assert folded.state is not None
    assert folded.state.customer is not None
    assert folded.state.customer.first_name == "First"


def test_rule_3_an_uncarried_event_counts_one_up_for_each_record_folded_or_not() -> None:
    folded = fold(None, [event(None), event(None), event(None)], ROUTING)

    assert words(folded) == [FOLDED, FOLDED, COUNTED]
    assert [version for _, _, version, _ in folded.verdicts] == [1, 2, 3]
    again = fold(folded.state, [event(None)], ROUTING)
    assert again.state is not None
    assert (again.state.carried, again.state.version) == (False, 4)


def test_rule_3_after_a_carried_version_an_uncarried_event_of_the_same_batch_is_rejected() -> None:
    folded = fold(None, [event(None), event(1), event(None)], ROUTING)

    assert words(folded) == [FOLDED, COUNTED, UNVERSIONED]
    assert folded.state is not None
    assert (folded.state.carried, folded.state.version) == (True, 1)


@pytest.mark.parametrize("order", list(permutations([1, 2, 3, 4])))
def test_rule_8_whatever_the_order_of_a_batch_the_newest_state_is_what_comes_out(order: tuple[int, ...]) -> None:
    folded = fold(None, [event(version, name=f"V{version}", gone=version == 3) for version in order], ROUTING)

    assert folded.state is not None
    assert folded.state.version == 4
    assert folded.state.customer is not None
    assert folded.state.customer.first_name == "V4"
    assert words(folded).count(COUNTED) == 1
    assert set(words(folded)) <= {COUNTED, FOLDED, STALE}


@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize("versions", list(product([None, 1, 2], repeat=4)))
def test_rule_8_a_batch_makes_what_its_halves_make_one_after_the_other(
    versions: tuple[int | None, ...], cut: int
) -> None:
    """So that halving a batch which the database refuses changes nothing."""
    arrived = [event(version, name=f"N{number}") for number, version in enumerate(versions)]
    whole = fold(None, arrived, ROUTING)
    first = fold(None, arrived[:cut], ROUTING)
    second = fold(first.state, arrived[cut:], ROUTING)

    assert (second.state or first.state) == whole.state
    versions_taken = [version for _, _, version, _ in (*first.verdicts, *second.verdicts)]
    assert versions_taken == [version for _, _, version, _ in whole.verdicts]


def test_rule_1_after_a_deletion_nothing_personal_stays_and_the_version_does() -> None:
    folded = fold(known(1), [event(2, gone=True)], ROUTING)

    assert folded.state is not None
    assert (folded.state.version, folded.state.present) == (2, False)
    assert folded.state.customer is None
    assert folded.state.snapshot is None
    assert folded.state.providers == ("standard",)


def test_rule_11_the_deletion_of_an_unknown_order_is_kept_against_older_state() -> None:
    gone = fold(None, [event(5, gone=True)], ROUTING)

    assert gone.state is not None
    assert not gone.state.present
    assert words(fold(gone.state, [event(4)], ROUTING)) == [STALE]


def test_rule_11_a_deletion_keeps_the_route_whatever_it_names() -> None:
    elsewhere = OrderSnapshot(order_type="delivery", shipment_provider="elsewhere")
    folded = fold(known(1), [event(2, gone=True, order=elsewhere)], ROUTING)

    assert folded.state is not None
    assert folded.state.providers == ("standard",)


def test_rule_11_an_event_without_order_keeps_snapshot_and_route() -> None:
    snapshot = OrderSnapshot.model_validate({"order_type": "delivery", "address": {"country": "GB"}})
    folded = fold(None, [event(1, order=snapshot), event(2, order=None)], ROUTING)

    assert folded.state is not None
    assert folded.state.snapshot == snapshot
    assert (folded.state.route, folded.state.providers) == ("rule 1", ("british",))


def test_an_order_not_known_before_and_without_snapshot_takes_the_default() -> None:
    folded = fold(None, [event(1, order=None)], ROUTING)

    assert folded.state is not None
    assert (folded.state.route, folded.state.providers) == ("default", ("standard",))


def test_rule_7_the_providers_of_every_state_that_counted_are_remembered() -> None:
    named = OrderSnapshot(order_type="delivery", shipment_provider="first")
    folded = fold(None, [event(1, order=named), event(2), event(1, name="Stale"), event(3, gone=True)], ROUTING)

    assert folded.visited == {"first", "standard"}
