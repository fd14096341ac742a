"""DoorDash has no document beside the others: its requests and answers are held against its public documentation.

Sources, read at developer.doordash.com: "Drive API" 2.1.59 (`CreateDelivery`, `UpdateDelivery`, `CancelDelivery` and
`GetDelivery` with their schemas and error codes), "Error codes and reasons" (the statuses of all endpoints and the form
of errors), "JSON Web Token (JWT) format" (the token), "Delivery statuses". Fields and codes below are theirs, said in
our words.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from infra.adapters import CASES, command
from infra.providers.doordash import DEVELOPER_ID, KEY_ID, SIGNING_KEY, DoorDash
from infra.providers.scripted import Answer, Asked, Direct
from infra.strategies import commands
from pydantic import ValidationError

from sendto.sdk import (
    AlreadyAbsent,
    Applied,
    Command,
    HealthVerdict,
    LookupFailed,
    Operation,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
)

CASE = CASES["doordash"]
CANARY = "LEAKED-0123456789"
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
REFUSED_IN_NAMES = re.compile(r"[~`@#$%^&*+=?;\[{\]}]")
REFERENCE = re.compile(r"[a-zA-Z0-9-._~]+")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


FIELDS: dict[str, Callable[[Any], bool]] = {
    "external_delivery_id": lambda value: bool(REFERENCE.fullmatch(value)),
    "pickup_address": _text,
    "pickup_business_name": _text,
    "pickup_phone_number": lambda value: bool(E164.fullmatch(value)),
    "pickup_external_business_id": lambda value: bool(re.fullmatch(r"[A-Za-z0-9_-]{3,64}", value)),
    "pickup_external_store_id": _text,
    "dropoff_address": lambda value: isinstance(value, str),
    "dropoff_phone_number": lambda value: bool(E164.fullmatch(value)),
    "dropoff_instructions": _text,
    "dropoff_contact_given_name": lambda value: _text(value) and not REFUSED_IN_NAMES.search(value),
    "dropoff_contact_family_name": lambda value: _text(value) and not REFUSED_IN_NAMES.search(value),
    "dropoff_time": lambda value: bool(ISO_8601.fullmatch(value)),
    "order_value": lambda value: isinstance(value, int) and 0 <= value <= 2**31 - 1,
}
"""What a delivery may consist of, and how each part must look."""

REQUIRED = {"external_delivery_id", "dropoff_address", "dropoff_phone_number"}
"""of a create; the number is there because the core never sends an order without one"""


class Watched(Direct):
    """Reaches a scripted DoorDash, and keeps what it was asked."""

    def __init__(self) -> None:
        self.provider = DoorDash()
        super().__init__(self.provider)


def _unreachable(one: Command) -> bool:
    return one.customer is not None and not (one.customer.mobile_e164 or one.customer.phone_e164)


@pytest.mark.parametrize("operation", list(Operation))
def test_whatever_is_sent_is_as_documented(operation: Operation) -> None:
    adapter = CASE.adapter()
    few = settings(
        max_examples=60, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate)
    )

    @few
    @given(commands(operation, st.just("51342")).filter(lambda one: not _unreachable(one)), st.booleans())
    def is_as_documented(given_command: Command, exists: bool) -> None:
        watched = Watched()
        if exists:
            delivery = {"external_delivery_id": given_command.reference, "dropoff_address": "Somewhere"}
            watched.provider.deliveries[given_command.reference] = delivery | {"delivery_status": "created"}
        asyncio.run(adapter.apply(given_command, watched))
        for asked in watched.provider.asked:
            _documented(asked, given_command.reference)

    is_as_documented()


def _documented(asked: Asked, reference: str) -> None:
    """Method, path, token and every field are documented; a create has what it must."""
    place = f"/drive/v2/deliveries/{reference}"
    assert (asked.method, asked.path) in {
        ("POST", "/drive/v2/deliveries"),
        ("PATCH", place),
        ("PUT", f"{place}/cancel"),
    }
    assert asked.headers["content-type"] == "application/json"
    body = asked.json
    assert set(body) <= set(FIELDS)
    assert [name for name, value in body.items() if not FIELDS[name](value)] == []
    if asked.method == "POST":
        assert set(body) >= REQUIRED
    if asked.method == "PATCH":
        assert "external_delivery_id" not in body
    if asked.method == "PUT":
        assert body == {}


def test_the_token_is_a_signed_one_that_is_good_for_minutes() -> None:
    """Checked by hand, as the reference describes it: three parts, HS256 over the first two."""
    request = CASE.adapter().translate(command(Operation.CREATE))

    kind, _, token = request.headers["authorization"].partition(" ")
    head, claims, signature = token.split(".")
    assert kind == "Bearer"
    assert _decoded(head) == {"alg": "HS256", "typ": "JWT", "dd-ver": "DD-JWT-V1"}
    expected = hmac.new(SIGNING_KEY, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == expected
    known = _decoded(claims)
    assert {name: known[name] for name in ("aud", "iss", "kid")} == {
        "aud": "doordash",
        "iss": DEVELOPER_ID,
        "kid": KEY_ID,
    }
    assert known["iat"] <= time.time() < known["exp"] <= known["iat"] + 1_800


def test_one_token_serves_many_requests() -> None:
    adapter = CASE.adapter()

    tokens = {adapter.translate(command(Operation.CREATE)).headers["authorization"] for _ in range(50)}

    assert len(tokens) == 1


def _decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _error(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "message": CANARY} | more


ERRORS: list[tuple[Operation, int, Any, Outcome]] = [
    (Operation.CREATE, 400, _error("validation_error", field_errors=[{"field": "dropoff_phone_number"}]),
     Rejected("validation_error", "about dropoff_phone_number")),
    (Operation.CREATE, 400, _error("validation_error", field_errors=[{"field": CANARY, "error": CANARY}]),
     Rejected("http_400")),
    (Operation.CREATE, 401, _error("authentication_error"), Unauthorized("http_401")),
    (Operation.CREATE, 403, _error("authorization_error"), Unauthorized("http_403")),
    (Operation.CREATE, 422, _error("invalid_delivery_parameters", reason="distance_too_long"),
     Rejected("distance_too_long", "it is too far")),
    (Operation.CREATE, 422, _error("invalid_delivery_parameters", reason="delivery_address_not_in_coverage"),
     Rejected("delivery_address_not_in_coverage", "DoorDash does not serve the address")),
    (Operation.CREATE, 422, _error("invalid_delivery_parameters", reason="pickup_address_not_in_coverage"),
     Rejected("pickup_address_not_in_coverage", "DoorDash does not serve the place where the order is fetched")),
    (Operation.CREATE, 422, _error("invalid_delivery_parameters", reason="outside_of_delivery_time"),
     Rejected("outside_of_delivery_time", "DoorDash does not deliver at that time")),
    (Operation.CREATE, 422, _error(CANARY, reason=CANARY), Rejected("http_422")),
    (Operation.CREATE, 429, _error(CANARY), RateLimited()),
    (Operation.CREATE, 500, _error("service_fault"), Transient("http_500")),
    (Operation.CREATE, 200, {"external_delivery_id": "51342", "delivery_status": "cancelled", "fee": 1},
     Rejected("delivery_cancelled", "the delivery has been cancelled")),
    (Operation.CREATE, 200, {"external_delivery_id": "51342", "delivery_status": "created", "fee": 1},
     Applied(RemoteRef("51342"))),
    (Operation.UPDATE, 200, {"external_delivery_id": "51342", "delivery_status": "confirmed", "fee": 1},
     Applied(RemoteRef("51342"))),
    (Operation.UPDATE, 404, _error("unknown_delivery_id", external_delivery_id="51342"), AlreadyAbsent()),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="delivery_cancelled"),
     Rejected("delivery_cancelled", "the delivery has been cancelled")),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="delivery_completed"),
     Rejected("delivery_completed", "the delivery is completed")),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="delivery_picked_up"),
     Rejected("delivery_picked_up", "the courier has the order already")),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="delivery_abandoned"),
     Rejected("delivery_abandoned", "the delivery was abandoned")),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="update_window_closed"),
     Rejected("update_window_closed", "a courier is assigned already")),
    (Operation.UPDATE, 409, _error("update_not_allowed", reason="delivery_creation_in_progress"),
     Transient("delivery_creation_in_progress", "DoorDash is still at work on it", nothing_done=True)),
    (Operation.UPDATE, 409, _error(CANARY, reason=[CANARY]), Rejected("http_409")),
    (Operation.DELETE, 200, {"external_delivery_id": "51342", "delivery_status": "cancelled", "fee": 1}, Applied()),
    (Operation.DELETE, 404, _error("unknown_delivery_id", external_delivery_id="51342"), AlreadyAbsent()),
    (Operation.DELETE, 409, _error("cancel_not_allowed", reason="delivery_cancelled"), AlreadyAbsent()),
    (Operation.DELETE, 409, _error("cancel_not_allowed", reason="duplicate_request"),
     Transient("duplicate_request", "DoorDash is still at work on it", nothing_done=True)),
    (Operation.DELETE, 409, _error("cancel_not_allowed", reason="cancellation_window_closed"),
     Rejected("cancellation_window_closed", "a courier is assigned already")),
    (Operation.DELETE, 409, _error("cancel_not_allowed", reason="delivery_picked_up"),
     Rejected("delivery_picked_up", "the courier has the order already")),
    (Operation.DELETE, 500, _error("service_fault"), Transient("http_500")),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "status", "body", "expected"), ERRORS)
def test_every_documented_answer_is_understood(operation: Operation, status: int, body: Any, expected: Outcome) -> None:
    watched = Watched()
    watched.provider.next.append(Answer(status, body))

    outcome = asyncio.run(CASE.adapter().apply(command(operation, remote="51342"), watched))

    assert outcome == expected
    assert CANARY not in repr(outcome)


def test_a_create_of_what_is_there_is_a_change_of_it() -> None:
    watched = Watched()
    adapter = CASE.adapter()
    asyncio.run(adapter.apply(command(Operation.CREATE), watched))

    outcome = asyncio.run(adapter.apply(command(Operation.CREATE, first_name="Augusta"), watched))

    assert outcome == Applied(RemoteRef("51342"))
    assert watched.provider.writes() == ["POST ", "POST ", "PATCH /51342"]
    assert watched.provider.deliveries["51342"]["dropoff_contact_given_name"] == "Augusta"


def test_no_second_courier_is_ordered_for_a_cancelled_one() -> None:
    """Rule 32: the reference is spent; what was cancelled there stays cancelled until a person wants otherwise."""
    watched = Watched()
    adapter = CASE.adapter()
    for operation in (Operation.CREATE, Operation.DELETE):
        asyncio.run(adapter.apply(command(operation), watched))

    outcome = asyncio.run(adapter.apply(command(Operation.CREATE), watched))

    assert outcome == Rejected("delivery_cancelled", "the delivery has been cancelled")
    assert not adapter.capabilities.reference_reusable
    assert asyncio.run(adapter.find("51342", watched)) is None


def test_it_is_off_unless_couriers_are_meant() -> None:
    for words in (None, "", "yes", True):
        with pytest.raises(ValidationError, match="acknowledge"):
            CASE.adapter(acknowledge=words)
    with pytest.raises(ValidationError, match="acknowledge"):
        type(CASE.adapter()).Config.model_validate({k: v for k, v in CASE.config.items() if k != "acknowledge"})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pickup_address": None, "pickup_phone_number": None}, "give the store's two ids"),
        ({"pickup_external_business_id": "default"}, "go together"),
        ({"signing_secret": "c2hvcnQ"}, "has 5 bytes"),
        ({"signing_secret": "not base64!"}, "is not Base64"),
        ({"base_url": "http://openapi.doordash.com"}, "must be https"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(changes: dict[str, Any], told: str) -> None:
    config = {**CASE.config, **changes}

    with pytest.raises(ValidationError, match=told):
        type(CASE.adapter()).Config.model_validate(config)


def test_its_check_tells_the_key_from_the_address() -> None:
    watched = Watched()
    adapter = CASE.adapter()
    other = CASE.adapter(key_id="another")

    assert asyncio.run(adapter.check(watched)).verdict is HealthVerdict.PASSES
    assert asyncio.run(other.check(watched)).verdict is HealthVerdict.UNAUTHORIZED
    watched.provider.next.extend([Answer(403, _error("authorization_error")), Answer(404, b"<html>"), Answer(503)])
    verdicts = [asyncio.run(adapter.check(watched)).verdict for _ in range(3)]
    assert verdicts == [HealthVerdict.FORBIDDEN, HealthVerdict.MISCONFIGURED, HealthVerdict.UNREACHABLE]


def test_what_cannot_be_read_is_no_absence() -> None:
    watched = Watched()
    watched.provider.next.extend([Answer(500), Answer(200, b"<html>")])

    for _ in range(2):
        with pytest.raises(LookupFailed):
            asyncio.run(CASE.adapter().find("51342", watched))
