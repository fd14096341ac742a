"""The JSON examples of the customer's reference document, word for word."""

import re
from typing import Any

import pytest
from infra.serving import Caller

from sendto.runtime.database import Database

MICROSECONDS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
CREATE_REQUEST = b"""{
  "first_name": "John",
  "last_name": "Turcotte",
  "email": "john_turcotte@example.com",
  "mobile_number": "07777777777"
}"""
CREATED: dict[str, Any] = {
    "order_id": 51342,
    "first_name": "John",
    "last_name": "Turcotte",
    "email": "john_turcotte@example.com",
    "phone_number": None,
    "mobile_number": "07777777777",
    "created_at": "2024-10-10T15:42:08.000000Z",
    "updated_at": "2024-10-10T15:42:08.000000Z",
    "href": "/orders/51342/customer",
}
UPDATE_REQUEST = b"""{
  "email": "new_email_address@example.com"
}"""
UPDATED = CREATED | {"email": "new_email_address@example.com", "updated_at": "2024-11-10T07:21:23.000000Z"}
PATH = "/v3/orders/51342/customer"


@pytest.fixture
async def order(api_database: Database) -> None:
    """The order of the examples, whose customer came and changed at the times of the examples."""
    async with api_database.connection() as connection:
        await connection.execute(
            'INSERT INTO "order" (order_id, version, first_name, last_name, email, comment, order_type,'
            " order_date_time, processed, total_items, order_total, currency, hash, date_added, date_modified)"
            " VALUES (51342, 1, 'A', 'B', 'a@b.test', '', 'delivery', now(), false, 0, 0, 'GBP', 'x', now(), now())"
        )


async def _at(database: Database, created: str, updated: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE customer SET created_at = $1::text::timestamptz, updated_at = $2::text::timestamptz",
            created,
            updated,
        )


@pytest.mark.usefixtures("order")
async def test_create_answers_as_in_the_example(api: Caller, api_database: Database) -> None:
    reply = await api("POST", PATH, CREATE_REQUEST)

    assert reply.status == 201
    assert list(reply.json) == list(CREATED)
    times = {name: reply.json[name] for name in ("created_at", "updated_at")}
    assert all(MICROSECONDS.match(time) for time in times.values())
    assert reply.json == CREATED | times
    assert reply.headers["location"] == PATH

    await _at(api_database, CREATED["created_at"], CREATED["updated_at"])
    retrieved = await api("GET", PATH)
    assert retrieved.status == 200
    assert retrieved.json == CREATED


@pytest.mark.usefixtures("order")
async def test_update_answers_as_in_the_example(api: Caller, api_database: Database) -> None:
    await api("POST", PATH, CREATE_REQUEST)
    await _at(api_database, CREATED["created_at"], CREATED["updated_at"])

    reply = await api("PATCH", PATH, UPDATE_REQUEST)

    assert reply.status == 200
    assert MICROSECONDS.match(reply.json["updated_at"])
    assert reply.json["updated_at"] > CREATED["updated_at"]
    await _at(api_database, CREATED["created_at"], UPDATED["updated_at"])
    assert (await api("GET", PATH)).json == UPDATED


@pytest.mark.usefixtures("order")
async def test_delete_answers_as_in_the_example(api: Caller) -> None:
    await api("POST", PATH, CREATE_REQUEST)

    reply = await api("DELETE", PATH)

    assert (reply.status, reply.content) == (200, b"1")
    assert (await api("GET", PATH)).status == 404
