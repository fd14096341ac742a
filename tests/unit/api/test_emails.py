"""Addresses that are taken without asking the library are such as the library takes."""

import string

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sendto_api.customers.schemas import Email

ADDRESS = TypeAdapter[str](Email)
_PARTS = st.text(string.ascii_letters[:3] + "xnX9_+-.@", max_size=12)
ADDRESSES = st.one_of(
    st.builds("{}@{}.{}".format, _PARTS, _PARTS, st.sampled_from(["test", "c", "com", "x9", "xn--p1ai", ""])),
    st.emails(),
)


def _library_takes(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return False
    return True


def _taken(address: str) -> bool:
    try:
        return ADDRESS.validate_python(address) == address
    except ValidationError:
        return False


@given(ADDRESSES)
def test_the_short_way_takes_nothing_that_the_library_refuses(address: str) -> None:
    assert _taken(address) == _library_takes(address)


@pytest.mark.parametrize(
    "address",
    [
        "ada@shop.test",
        "a.b-c_d+e@x-y.example.com",
        "-a@b.cd",
        "a--b@c.de",
        "a@1.de",
        f"{'a' * 64}@b.cd",
        f"a@{'b' * 60}.cd",
        "ä@ö.de",
    ],
)
def test_good_ones(address: str) -> None:
    assert _taken(address)
    assert _library_takes(address)


@pytest.mark.parametrize(
    "address",
    ["a", "a@b", "a@b.c", "a@b.d3", "a@-b.cd", "a@b-.cd", "a@b--c.de", "a@ab--c.de", ".a@b.cd", "a.@b.cd", "a..b@c.de",
     "a b@c.de", "a@b.cd\n", "@b.cd", "a@xn--.com", f"{'a' * 65}@b.cd", f"a@{'b' * 64}.cd"],
)  # fmt: skip
def test_what_the_library_says_of_odd_ones_holds(address: str) -> None:
    assert _taken(address) == (address == address.strip() and _library_takes(address))
