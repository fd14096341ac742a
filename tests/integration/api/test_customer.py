"""The customer of an order: its five calls, its versions, its errors."""

import asyncio
from typing import Any

import pytest
from infra.bodies import customer, order
from infra.serving import Caller

from sendto.runtime.database import Database


async def _order(api: Caller, **more: Any) -> int:
    reply = await api("POST", "/v3/orders", order(**more))
    assert reply.status == 201, reply.content
    return int(reply.json["order_id"])


async def _events(database: Database, order_id: int) -> list[tuple[str, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT type, version FROM outbox WHERE order_id = $1 ORDER BY id", order_id)
    return [(row["type"], row["version"]) for row in rows]


async def test_an_order_with_its_customer_is_made_in_one_step(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())

    read = await api("GET", f"/v3/orders/{order_id}/customer")

    assert read.status == 200
    assert read.json["first_name"] == "John"
    version = int(read.headers["etag"].strip('"'))
    assert await _events(api_database, order_id) == [("customer.created", version)]


async def test_an_order_without_a_customer_emits_nothing(api: Caller, api_database: Database) -> None:
    order_id = await _order(api)

    assert (await api("GET", f"/v3/orders/{order_id}/customer")).json["code"] == "customer_not_found"
    assert await _events(api_database, order_id) == []


async def test_every_change_raises_the_version_and_emits_one_event(api: Caller, api_database: Database) -> None:
    order_id = await _order(api)
    path = f"/v3/orders/{order_id}/customer"

    created = await api("POST", path, customer())
    patched = await api("PATCH", path, {"phone_number": "020 7946 0958"})
    replaced = await api("PUT", path, customer(first_name="Jane"))
    deleted = await api("DELETE", path)

    assert [reply.status for reply in (created, patched, replaced, deleted)] == [201, 200, 200, 200]
    assert replaced.json["phone_number"] is None
    assert replaced.json["created_at"] == created.json["created_at"]
    events = await _events(api_database, order_id)
    assert [kind for kind, _ in events] == [
        "customer.created",
        "customer.updated",
        "customer.updated",
        "customer.deleted",
    ]
    versions = [version for _, version in events]
    assert versions == sorted(set(versions))
    assert versions[:3] == [int(reply.headers["etag"].strip('"')) for reply in (created, patched, replaced)]


async def test_what_changes_nothing_emits_nothing(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())
    path = f"/v3/orders/{order_id}/customer"
    before = await api("GET", path)

    same = await api("PATCH", path, {"first_name": None, "email": "john_turcotte@example.com"})
    put = await api("PUT", path, customer())

    assert same.status == put.status == 200
    assert same.json == put.json == before.json
    assert same.headers["etag"] == before.headers["etag"]
    assert len(await _events(api_database, order_id)) == 1


async def test_a_second_create_is_a_conflict(api: Caller) -> None:
    order_id = await _order(api, customer=customer())

    reply = await api("POST", f"/v3/orders/{order_id}/customer", customer())

    assert reply.status == 409
    assert reply.headers["location"] == f"/v3/orders/{order_id}/customer"


async def test_put_creates_what_is_not_there(api: Caller) -> None:
    order_id = await _order(api)

    reply = await api("PUT", f"/v3/orders/{order_id}/customer", customer())

    assert reply.status == 201
    assert reply.headers["location"] == f"/v3/orders/{order_id}/customer"


async def test_a_write_under_a_condition_that_does_not_hold_changes_nothing(api: Caller) -> None:
    order_id = await _order(api, customer=customer())
    path = f"/v3/orders/{order_id}/customer"
    stale = (await api("GET", path)).headers["etag"]
    await api("PATCH", path, {"first_name": "Jane"})

    refused = await api("PATCH", path, {"first_name": "Eve"}, {"If-Match": stale})

    assert refused.status == 412
    read = await api("GET", path)
    assert read.json["first_name"] == "Jane"
    assert (await api("GET", path, headers={"If-None-Match": read.headers["etag"]})).status == 304
    assert (await api("DELETE", path, headers={"If-Match": read.headers["etag"]})).status == 200


async def test_a_repeated_request_gets_the_first_answer(api: Caller, api_database: Database) -> None:
    key = {"Idempotency-Key": "k-1"}
    body = order(customer=customer())

    first = await api("POST", "/v3/orders", body, key)
    again = await api("POST", "/v3/orders", body, key)
    other = await api("POST", "/v3/orders", order(), key)

    assert first.status == again.status == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status == 422
    async with api_database.connection() as connection:
        assert await connection.fetchval('SELECT count(*) FROM "order"') == 1


async def test_deleting_an_order_takes_its_customer_along(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())

    deleted = await api("DELETE", f"/v3/orders/{order_id}")

    assert deleted.json == {"id": order_id, "object": "order", "deleted": True}
    assert (await api("DELETE", f"/v3/orders/{order_id}")).status == 404
    assert (await api("GET", f"/v3/orders/{order_id}/customer")).json["code"] == "order_not_found"
    assert [kind for kind, _ in await _events(api_database, order_id)] == ["customer.created", "customer.deleted"]


async def test_a_change_of_the_order_that_events_carry_is_emitted(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())

    await api("PATCH", f"/v3/orders/{order_id}", {"comment": "Ring twice"})
    await api("PATCH", f"/api/orders/{order_id}", {"assignee_id": 7})

    async with api_database.connection() as connection:
        rows = await connection.fetch("SELECT type, value::json AS value FROM outbox ORDER BY id")
    assert [row["type"] for row in rows] == ["customer.created", "customer.updated"]
    assert rows[1]["value"]["changed"] == ["order.comment"]
    assert rows[1]["value"]["customer"]["mobile_e164"] == "+447777777777"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (customer(email="nobody"), "email"),
        (customer(first_name=" "), "first_name"),
        (customer(last_name="x" * 101), "last_name"),
        (customer(phone_number="12345"), "phone_number"),
        (customer(mobile_number="+44 seven"), "mobile_number"),
        (customer(first_name="a\x00b"), "first_name"),
        ({"first_name": "only"}, "email"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(api: Caller, body: dict[str, Any], field: str) -> None:
    order_id = await _order(api)

    reply = await api("POST", f"/v3/orders/{order_id}/customer", body)

    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert field in reply.json["errors"]
    assert (await api("GET", f"/v3/orders/{order_id}/customer")).status == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"first_name": NaN}', 400),
        (b'"\xff"', 400),
        (b"[]", 422),
        (b'{"comment": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
async def test_a_body_that_is_none_is_refused(api: Caller, content: bytes, status: int) -> None:
    reply = await api("POST", "/v3/orders", content)

    assert reply.status == status
    assert reply.json["status"] == reply.json["status_code"] == status
    assert reply.json["request_id"] == reply.headers["x-request-id"]


@pytest.mark.api_settings(connect_timeout_s=60)  # they wait for each other, on a slow machine longer than is usual
async def test_two_hundred_writers_of_one_order_lose_nothing(api: Caller, api_database: Database) -> None:
    order_id = await _order(api, customer=customer())
    path = f"/v3/orders/{order_id}/customer"

    replies = await asyncio.gather(*(api("PATCH", path, {"first_name": f"Writer {number}"}) for number in range(200)))

    assert [reply.status for reply in replies] == [200] * 200
    async with api_database.connection() as connection:
        rows = await connection.fetch("SELECT version, value::json AS value FROM outbox ORDER BY id")
    versions = [row["version"] for row in rows]
    assert len(rows) == 201
    assert versions == sorted(set(versions))
    read = await api("GET", path)
    assert read.json["first_name"] == rows[-1]["value"]["customer"]["first_name"]
    assert read.headers["etag"] == f'"{versions[-1]}"'
