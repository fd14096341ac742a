"""Rule 8: text that PostgreSQL cannot store is rejected while decoding, wherever in the event it is."""

import json
from typing import Any

import pytest

from sendto.events.decode import Rejection, RejectReason, decode

NUL, LONE = "\\u0000", "\\ud800"
HEADERS = [("ce_type", b"customer.updated"), ("ce_id", b"1"), ("ce_source", b"/shop")]
DATA: dict[str, Any] = {
    "order_id": 7,
    "customer": {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@shop.test",
        "phone_number": "1",
        "mobile_number": "1",
    },
    "order": {
        "comment": "x",
        "payment": "card",
        "address": {
            "address_1": "a",
            "address_2": "b",
            "city": "c",
            "state": "d",
            "postcode": "e",
        },
    },
    "changed": ["customer.email"],
}
TEXTS = [
    *[("customer", name) for name in DATA["customer"]],
    ("order", "comment"),
    ("order", "payment"),
    *[("order", "address", name) for name in DATA["order"]["address"]],
]


def _with(path: tuple[str, ...], escape: str) -> bytes:
    """The event's JSON with an escape in one text."""
    data = json.loads(json.dumps(DATA))
    place = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = "HERE"
    return json.dumps(data).replace("HERE", f"a{escape}b").encode()


def test_as_it_is_it_is_an_event() -> None:
    assert not isinstance(decode(b"7", json.dumps(DATA).encode(), HEADERS), Rejection)


@pytest.mark.parametrize("escape", [NUL, LONE, LONE + "x", "\\udc00"])
@pytest.mark.parametrize("path", TEXTS, ids=".".join)
def test_in_every_text_of_the_data(path: tuple[str, ...], escape: str) -> None:
    rejected = decode(b"7", _with(path, escape), HEADERS)

    assert isinstance(rejected, Rejection)
    assert rejected.reason in {RejectReason.DATA_INVALID, RejectReason.JSON_INVALID}
    assert "\x00" not in rejected.detail


@pytest.mark.parametrize("path", TEXTS, ids=".".join)
def test_a_pair_of_surrogates_is_a_character_like_any_other(path: tuple[str, ...]) -> None:
    assert not isinstance(decode(b"7", _with(path, "\\ud83d\\ude00"), HEADERS), Rejection)


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_time", "traceparent", "ce_orderversion"])
@pytest.mark.parametrize("content", [b"a\x00b", b"\xed\xa0\x80"])
def test_in_every_attribute(name: str, content: bytes) -> None:
    headers = [pair for pair in HEADERS if pair[0] != name] + [(name, content)]
    assert isinstance(decode(b"7", json.dumps(DATA).encode(), headers), Rejection)


@pytest.mark.parametrize("escape", [NUL, LONE])
def test_in_structured_mode_as_well(escape: str) -> None:
    envelope = {"specversion": "1.0", "type": "customer.updated", "id": "1", "source": "HERE", "data": DATA}
    value = json.dumps(envelope).replace("HERE", f"a{escape}b").encode()
    rejected = decode(b"7", value, [("content-type", b"application/cloudevents+json")])

    assert isinstance(rejected, Rejection)
    assert rejected.source is None
