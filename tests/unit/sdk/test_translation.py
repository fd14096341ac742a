"""The small steps that translations are made of, and what comes of answers that cannot be read."""

from typing import Any

import pytest
from infra.adapters import command
from pydantic import TypeAdapter, ValidationError

from sendto.events.customer import Customer
from sendto.sdk import HealthVerdict, HttpResponse, Operation, Outcome, RateLimited, Rejected, Transient, Unauthorized
from sendto.sdk.reading import health_of, read_failed
from sendto.sdk.translation import customer_of, cut, full_name, json_object, json_objects, json_request, phone
from sendto.sdk.urls import SecureUrl, base

URL: TypeAdapter[Any] = TypeAdapter(SecureUrl)


@pytest.mark.parametrize(
    ("first", "last", "expected"), [("Ada", "Lovelace", "Ada Lovelace"), ("Cher", "", "Cher"), (" Ada ", " ", "Ada")]
)
def test_a_name_of_one_word_has_no_space_behind_it(first: str, last: str, expected: str) -> None:
    assert full_name(Customer(first_name=first, last_name=last)) == expected


def test_the_mobile_comes_first() -> None:
    reached = Customer(first_name="Ada", last_name="", phone_e164="+442079460958", mobile_e164="+447700900123")

    assert phone(reached) == "+447700900123"
    assert phone(reached.model_copy(update={"mobile_e164": None})) == "+442079460958"
    assert phone(Customer(first_name="Ada", last_name="", phone_number="call me")) is None


@pytest.mark.parametrize(
    ("text", "expected"), [(None, None), ("  ", None), (" abc ", "abc"), ("ab cd", "ab"), ("abcd", "abc")]
)
def test_a_text_is_cut_without_a_space_at_its_end(text: str | None, expected: str | None) -> None:
    assert cut(text, 3) == expected


def test_a_delete_has_no_customer() -> None:
    with pytest.raises(ValueError, match="carries a customer"):
        customer_of(command(Operation.DELETE))


def test_names_are_sent_as_they_are_written() -> None:
    request = json_request("POST", "https://acme.example", {"x-key": "k"}, {"name": "李"})

    assert request.body == '{"name":"李"}'.encode()
    assert request.headers == {"x-key": "k", "content-type": "application/json"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b"\xff"])
def test_what_is_no_object_has_no_members(body: bytes) -> None:
    assert json_object(HttpResponse(200, {}, body)) == {}


def test_of_a_list_the_objects_are_taken() -> None:
    assert json_objects([{"a": 1}, 7, None, []]) == [{"a": 1}]
    assert json_objects({"a": 1}) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Transient("answer_unreadable")),
        (302, Transient("http_302", nothing_done=True)),
        (400, Rejected("http_400")),
        (401, Unauthorized("http_401")),
        (404, Transient("http_404", nothing_done=True)),
        (429, RateLimited()),
        (500, Transient("http_500")),
        (503, Transient("http_503", nothing_done=True)),
    ],
)
def test_an_answer_that_tells_nothing_is_no_absence(status: int, expected: Outcome) -> None:
    assert read_failed(HttpResponse(status)).outcome == expected


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (401, HealthVerdict.UNAUTHORIZED),
        (403, HealthVerdict.FORBIDDEN),
        (404, HealthVerdict.MISCONFIGURED),
        (302, HealthVerdict.MISCONFIGURED),
        (200, HealthVerdict.MISCONFIGURED),
        (429, HealthVerdict.UNREACHABLE),
        (503, HealthVerdict.UNREACHABLE),
    ],
)
def test_address_credentials_and_permission_are_told_apart(status: int, verdict: HealthVerdict) -> None:
    assert health_of(HttpResponse(status)).verdict is verdict


@pytest.mark.parametrize(
    "url", ["https://acme.example/api/", "http://localhost:8080", "http://127.0.0.1", "http://[::1]"]
)
def test_an_address_is_encrypted_or_this_machine(url: str) -> None:
    assert base(URL.validate_python(url)) == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://acme.example", "http://127.0.0.1.acme.example", "ftp://localhost"])
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        URL.validate_python(url)
