"""A request is shown without secrets, and without its person however the adapter writes them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendto.sdk import Command, HttpRequest, Operation, RemoteRef
from sendto.sdk.testing import CANARIA, ORDER
from sendto.sdk.testing.people import CANARIES
from sendto_dispatcher.engine.provider import load_adapter
from sendto_dispatcher.ops.masking import MASK, shown, stranger

COMMAND = Command(
    operation=Operation.CREATE,
    reference="51342",
    source="/shop",
    order_id=51342,
    version=1,
    generation=1,
    customer=CANARIA,
    order=ORDER,
    remote=RemoteRef("r1"),
    idempotency_key="sendto-1-1",
    occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    attempt=1,
    deadline_s=10.0,
)
BUILT_IN = sorted(
    point.name for point in entry_points(group="sendto.adapters") if point.module.startswith("sendto_dispatcher.")
)


def _request(body: Any = None, url: str = "https://acme.example/x") -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest("POST", url, {"content-type": "application/json", "authorization": "Bearer s3cret"}, content)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("operation", list(Operation))
def test_no_adapter_shows_a_person_or_a_secret(name: str, operation: Operation) -> None:
    kind = load_adapter(name)
    config = kind.documentation.configuration()  # type: ignore[attr-defined]  # built-in ones have it
    adapter = kind(kind.Config.model_validate(config))  # type: ignore[call-arg]  # the protocol leaves them open
    command = replace(COMMAND, operation=operation)
    if operation is Operation.DELETE:
        command = replace(command, customer=None, order=None)
    secrets = {value for value in config.values() if isinstance(value, str) and value.startswith("c2VuZH")}

    request = adapter.translate(command)
    told = shown(request, adapter.translate(stranger(command)), secrets).model_dump_json()

    assert not [canary for canary in CANARIES if canary in told]
    assert not [secret for secret in secrets if secret in told]
    assert "51342" in told or "r1" in told
    if adapter.translate(command).method != "GET" and command.customer is not None:
        assert MASK in told
        personal = shown(request, request, secrets).model_dump_json()
        assert "Finkensang" in personal
        assert not [secret for secret in secrets if secret in personal]


def test_what_differs_is_masked_wherever_it_is() -> None:
    mine = {"id": 1, "name": {"full": "Ada L."}, "tags": ["ADA", "vip"], "house": 12, "none": None, "more": ["x", "y"]}
    other = {"id": 1, "name": {"full": "Max M."}, "tags": ["MAX", "vip"], "house": 99, "none": "z", "more": ["x"]}

    told = shown(_request(mine), _request(other), [])

    assert told.body == {
        "id": 1,
        "name": {"full": MASK},
        "tags": [MASK, "vip"],
        "house": MASK,
        "none": None,
        "more": ["x", MASK],
    }
    assert told.headers == {"content-type": "application/json", "authorization": MASK}


@pytest.mark.parametrize(
    ("mine", "other", "told"),
    [
        (
            "https://a.example/x?id=7&mail=ada",
            "https://a.example/x?id=7&mail=max",
            f"https://a.example/x?id=7&mail={MASK}",
        ),
        ("https://a.example/ada/7", "https://a.example/max/7", f"https://a.example/{MASK}/7"),
        ("https://a.example/ada/b/7", "https://a.example/max/7", f"https://a.example/{MASK}"),
        ("https://a.example/7?key=s3cret", "https://a.example/7?key=s3cret", f"https://a.example/7?key={MASK}"),
    ],
)
def test_an_address_shows_nobody(mine: str, other: str, told: str) -> None:
    assert shown(_request({}, mine), _request({}, other), ["s3cret"]).url == told


def test_a_body_that_is_no_json_is_masked_as_a_whole() -> None:
    assert shown(_request(b"name=ada"), _request(b"name=max"), []).body == MASK
    assert shown(_request(b"ping s3cret"), _request(b"ping s3cret"), ["s3cret"]).body == f"ping {MASK}"
    assert shown(_request(b"name=ada"), _request(b"name=ada"), []).body == "name=ada"
    assert shown(_request(b"name=ada"), None, []).body == MASK


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def _leaves(value: Any) -> list[Any]:
    match value:
        case dict():
            return [leaf for inner in value.values() for leaf in _leaves(inner)]
        case list():
            return [leaf for inner in value for leaf in _leaves(inner)]
        case _:
            return [value]


@given(_JSON, _JSON)
def test_only_what_both_have_is_shown(mine: Any, other: Any) -> None:
    allowed = [MASK, None, *_leaves(other)]

    told = shown(_request({"body": mine}), _request({"body": other}), []).body

    assert all(any(leaf == one and type(leaf) is type(one) for one in allowed) for leaf in _leaves(told["body"]))
