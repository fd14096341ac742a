"""Rule 9: what upstream systems are told of a settle, and what dead letters and delivery events look like."""

import hashlib
import json
from dataclasses import replace
from uuid import UUID

import pytest
from msgspec import structs
from unit.dispatcher.building import NOW, columns

from sendto.events.delivery import DeliveryType
from sendto.sdk import Operation
from sendto_dispatcher.domain.endings import CONFIRM
from sendto_dispatcher.domain.lane import Resting
from sendto_dispatcher.domain.told import told_of
from sendto_dispatcher.engine.deliveries import record
from sendto_dispatcher.intake.dead_letters import dead_letter
from sendto_dispatcher.store.deliveries import DeliveryEvent
from sendto_dispatcher.store.rejected import DeadLetter

BEFORE = columns(applied_generation=1)


@pytest.mark.parametrize(
    ("present", "generation", "resting", "kind"),
    [
        (True, 2, None, DeliveryType.APPLIED),
        (False, 2, None, DeliveryType.REMOVED),
        (True, 1, None, None),
        (False, 1, None, None),
        *[(True, 1, resting, DeliveryType.DEAD) for resting in Resting],
    ],
)
def test_what_a_settle_is_worth(
    present: bool, generation: int, resting: Resting | None, kind: DeliveryType | None
) -> None:
    after = structs.replace(BEFORE, applied_present=present, applied_generation=generation, resting=resting)
    assert told_of(BEFORE, after, Operation.UPDATE) is kind


def test_an_accepted_deletion_is_told_once_the_provider_shows_it() -> None:
    held = structs.replace(BEFORE, applied_present=True)
    accepted = structs.replace(held, applied_generation=2, unconfirmed=True)
    confirmed = structs.replace(accepted, applied_present=False, unconfirmed=False)

    assert told_of(held, accepted, Operation.DELETE) is None
    assert told_of(accepted, confirmed, CONFIRM) is DeliveryType.REMOVED
    assert told_of(accepted, structs.replace(accepted, attempts=1), CONFIRM) is None


def test_an_accepted_state_is_told_when_it_is_accepted() -> None:
    accepted = structs.replace(BEFORE, applied_present=True, applied_generation=2, unconfirmed=True)

    assert told_of(BEFORE, accepted, Operation.UPDATE) is DeliveryType.APPLIED
    assert told_of(accepted, structs.replace(accepted, unconfirmed=False), CONFIRM) is None


def test_an_object_that_has_vanished_is_not_told_as_removed() -> None:
    held = structs.replace(BEFORE, applied_present=True)

    assert told_of(held, structs.replace(held, applied_present=False), Operation.UPDATE) is None


def test_a_delivery_event_is_a_binary_cloudevent_with_the_order_as_key() -> None:
    data = json.dumps({"order_id": 7, "provider": "acme"})
    event = DeliveryEvent(id=1, event_id=UUID(int=5), type="delivery.applied", order_id=7, data=data, occurred_at=NOW)

    key, value, headers = record(event)

    assert (key, json.loads(value)) == (b"7", {"order_id": 7, "provider": "acme"})
    assert dict(headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_type": b"delivery.applied",
        "ce_id": str(UUID(int=5)).encode(),
        "ce_source": b"/sendto/dispatcher",
        "ce_subject": b"orders/7/customer",
        "ce_time": b"2026-01-02T03:04:05Z",
        "ce_partitionkey": b"7",
    }


LETTER = DeadLetter(
    id=1,
    topic="events",
    partition=3,
    offset=9,
    reason="json_invalid",
    detail="the value is not JSON",
    key=b"7",
    value=b"{",
    headers=[("ce_id", b"x")],
    rejected_at=NOW,
)


def test_a_dead_letter_keeps_what_came_and_says_why() -> None:
    value, headers = dead_letter(LETTER)

    assert value == b"{"
    assert headers == [
        ("ce_id", b"x"),
        ("sendto_reason", b"json_invalid"),
        ("sendto_detail", b"the value is not JSON"),
        ("sendto_topic", b"events"),
        ("sendto_partition", b"3"),
        ("sendto_offset", b"9"),
        ("sendto_rejected_at", b"2026-01-02T03:04:05+00:00"),
    ]


@pytest.mark.parametrize(
    "letter",
    [
        replace(LETTER, value=b"v" * 2_000_000),
        replace(LETTER, headers=[("h", b"h" * 300_000)]),
        replace(LETTER, headers=[("h", b"h" * 150_000)], value=b"v" * 800_000),
        replace(LETTER, key=b"k" * 500_000, value=b"v" * 500_000),
    ],
)
def test_what_is_too_large_is_cut_and_can_still_be_told_apart(letter: DeadLetter) -> None:
    value, headers = dead_letter(letter)

    told = dict(headers)
    size = len(letter.key or b"") + len(value or b"") + sum(len(name) + len(content) for name, content in headers)
    assert size < 1_000_000
    assert told["sendto_truncated"] == b"true"
    assert told["sendto_sha256"] == hashlib.sha256(letter.value or b"").hexdigest().encode()
    assert told["sendto_reason"] == b"json_invalid"


def test_a_tombstone_stays_one() -> None:
    assert dead_letter(replace(LETTER, value=None))[0] is None


def test_a_record_with_neither_key_nor_value_has_an_empty_value() -> None:
    assert dead_letter(replace(LETTER, key=None, value=None))[0] == b""
