"""The JSON examples of the orders' reference document, word for word but for what is read-only."""

import json
from typing import Any

import pytest
from infra.serving import Caller

from sendto.runtime.database import Database

OBJECT = """{
  "order_id": 1,
  "customer_id": 1,
  "location_id": 1,
  "address_id": null,
  "first_name": "Tucker",
  "last_name": "Vega",
  "email": "vavur@mailinator.com",
  "telephone": "+1 (604) 376-2674",
  "notify": null,
  "order_type": "collection",
  "order_date_time": "2020-05-24 13:13:00",
  "processed": true,
  "total_items": 3,
  "order_total": 15.0449,
  "comment": "",
  "payment": "cod",
  "invoice_prefix": "INV-2020-00",
  "invoice_date": "2020-05-24T11:58:43.000000Z",
  "status_id": 3,
  "status_updated_at": "2020-05-24T11:58:43.000000Z",
  "assignee_id": null,
  "assignee_group_id": null,
  "assignee_updated_at": null,
  "ip_address": "192.168.10.1",
  "hash": "7158b25ef2f10b151f87fc4d26b3b27d",
  "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:76.0) Gecko/20100101 Firefox/76.0",
  "date_added": "2020-05-24 12:58:43",
  "date_modified": "2020-05-24 12:58:43",
  "order_totals": []
}"""
RETRIEVED = """{
  "order_id": 1,
  "customer_id": 1,
  "location_id": 1,
  "address_id": null,
  "first_name": "Tucker",
  "last_name": "Vega",
  "email": "vavur@mailinator.com",
  "telephone": "+1 (604) 376-2674",
  "notify": null,
  "order_type": "collection",
  "order_time": "13:13:00",
  "order_date": "2020-05-24 00:00:00",
  "processed": true,
  "total_items": 3,
  "order_total": 15.0449,
  "comment": "",
  "payment": "cod",
  "invoice_prefix": "INV-2020-00",
  "invoice_date": "2020-05-24T11:58:43.000000Z",
  "status_id": 3,
  "status_updated_at": "2020-05-24T11:58:43.000000Z",
  "assignee_id": null,
  "assignee_group_id": null,
  "assignee_updated_at": null,
  "ip_address": "192.168.10.1",
  "hash": "7158b25ef2f10b151f87fc4d26b3b27d",
  "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:76.0) Gecko/20100101 Firefox/76.0",
  "date_added": "2020-05-24 12:58:43",
  "date_modified": "2020-05-24 12:58:43",
  "order_totals": []
}"""
PAYLOAD = b"""{
  "order_type": "delivery",
  "status_id": 4
}"""
UPDATED = """{
  "order_id": 1,
  "customer_id": 1,
  "location_id": 1,
  "address_id": null,
  "first_name": "Tucker",
  "last_name": "Vega",
  "notify": null,
  "order_type": "delivery",
  "processed": true,
  "comment": "",
  "payment": "cod",
  "status_id": 4
}"""
DELETED = """{
  "id": 1,
  "object": "order",
  "deleted": true
}"""
READ_ONLY = {"order_id", "address_id", "invoice_prefix", "invoice_date", "ip_address", "hash", "user_agent"}
STAMPS = {"date_added", "date_modified"}
PATH = "/api/orders/1"

# The site of the example is in London: half past noon there is an hour less in UTC, in May.
pytestmark = pytest.mark.api_settings(time_zone="Europe/London")


async def _as_it_was(database: Database) -> None:
    """What the server writes by itself, as it was when the example was written down."""
    async with database.connection() as connection:
        await connection.execute(
            """
            UPDATE "order" SET ip_address = '192.168.10.1', hash = '7158b25ef2f10b151f87fc4d26b3b27d',
                invoice_prefix = 'INV-2020-00', invoice_date = '2020-05-24T11:58:43Z',
                date_added = '2020-05-24T11:58:43Z', date_modified = '2020-05-24T11:58:43Z'
            """
        )


@pytest.fixture
async def created(api: Caller, api_database: Database) -> dict[str, Any]:
    """The order of the examples, made by sending the example itself; the answer to that."""
    agent = json.loads(OBJECT)["user_agent"]
    reply = await api("POST", "/api/orders", OBJECT.encode(), {"User-Agent": agent})
    assert reply.status == 201, reply.content
    assert reply.headers["location"] == PATH
    await _as_it_was(api_database)
    return dict(reply.json)


def _subset(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return {name: whole.get(name, "is missing") for name in part}


async def test_the_order_object_is_answered_as_in_the_example(created: dict[str, Any]) -> None:
    example = json.loads(OBJECT)
    writable = {name: value for name, value in example.items() if name not in READ_ONLY | STAMPS}

    assert _subset(created, writable) == writable
    assert set(example) <= set(created)
    assert len(created["hash"]) == 32
    assert created["invoice_prefix"] is created["invoice_date"] is None


@pytest.mark.usefixtures("created")
@pytest.mark.parametrize("path", [PATH, "/v3/orders/1"])
@pytest.mark.parametrize("example", [OBJECT, RETRIEVED], ids=["object", "retrieve"])
async def test_retrieve_answers_as_in_the_examples(api: Caller, path: str, example: str) -> None:
    expected = json.loads(example)

    reply = await api("GET", path)

    assert reply.status == 200
    assert _subset(reply.json, expected) == expected


@pytest.mark.usefixtures("created")
async def test_the_list_holds_the_object_of_the_example(api: Caller) -> None:
    expected = json.loads(OBJECT)

    [listed] = (await api("GET", "/api/orders")).json["data"]

    assert _subset(listed, expected) == expected


@pytest.mark.usefixtures("created")
async def test_update_answers_as_in_the_example(api: Caller) -> None:
    expected = json.loads(UPDATED)

    reply = await api("PATCH", PATH, PAYLOAD)

    assert reply.status == 200
    assert _subset(reply.json, expected) == expected
    assert reply.json == (await api("GET", PATH)).json


@pytest.mark.usefixtures("created")
async def test_delete_answers_as_in_the_example(api: Caller) -> None:
    reply = await api("DELETE", PATH)

    assert (reply.status, reply.json) == (200, json.loads(DELETED))
    assert (await api("DELETE", PATH)).status == 404
