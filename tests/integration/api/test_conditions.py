"""Conditional requests: on every single resource, for every method."""

from typing import Any

import pytest
from infra.bodies import customer, order
from infra.serving import Caller

STALE = '"1"'


@pytest.fixture
async def path(api: Caller) -> str:
    """An order with a customer."""
    made = await api("POST", "/v3/orders", order(customer=customer()))
    return f"/v3/orders/{made.json['order_id']}"


WRITES: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"comment": "x"}),
    ("PATCH", "/customer", {"first_name": "Jane"}),
    ("PUT", "/customer", customer(first_name="Jane")),
    ("POST", "/customer", customer()),
    ("DELETE", "/customer", None),
    ("DELETE", "", None),
]


@pytest.mark.parametrize("below", ["", "/customer"])
async def test_reads(api: Caller, path: str, below: str) -> None:
    read = await api("GET", path + below)
    tag = read.headers["etag"]

    for header in (tag, f"W/{tag}", f"{STALE}, {tag}", "*"):
        reply = await api("GET", path + below, headers={"If-None-Match": header})
        assert (reply.status, reply.content, reply.headers["etag"]) == (304, b"", tag)
    assert (await api("HEAD", path + below, headers={"If-None-Match": tag})).status == 304
    assert (await api("GET", path + below, headers={"If-None-Match": STALE})).status == 200
    assert (await api("GET", path + below, headers={"If-Match": STALE})).status == 412
    assert (await api("GET", path + below, headers={"If-Match": tag})).status == 200


@pytest.mark.parametrize(("method", "below", "body"), WRITES)
async def test_writes_on_a_condition_that_does_not_hold(
    api: Caller, path: str, method: str, below: str, body: Any
) -> None:
    before = await api("GET", path)
    tag = before.headers["etag"]

    for name, value in [("If-Match", STALE), ("If-Match", f"W/{tag}"), ("If-None-Match", tag), ("If-None-Match", "*")]:
        reply = await api(method, path + below, body, {name: value})
        assert reply.status == 412, (name, value)
    assert (await api("GET", path)).headers["etag"] == tag


@pytest.mark.parametrize(("method", "below", "body"), WRITES)
async def test_writes_on_a_condition_that_holds(api: Caller, path: str, method: str, below: str, body: Any) -> None:
    tag = (await api("GET", path)).headers["etag"]

    reply = await api(method, path + below, body, {"If-Match": f"{STALE}, {tag}", "If-None-Match": STALE})

    assert reply.status == (409 if method == "POST" else 200)
    assert method in {"DELETE", "POST"} or reply.headers["etag"] != tag


async def test_put_can_be_made_to_create_only_or_to_replace_only(api: Caller, path: str) -> None:
    where = f"{path}/customer"

    assert (await api("PUT", where, customer(), {"If-None-Match": "*"})).status == 412
    assert (await api("PUT", where, customer(), {"If-Match": "*"})).status == 200
    await api("DELETE", where)
    assert (await api("PUT", where, customer(), {"If-Match": "*"})).status == 412
    assert (await api("PUT", where, customer(), {"If-None-Match": "*"})).status == 201
