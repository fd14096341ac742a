"""A person is forgotten in every table of the API, a crash in between loses nothing, and what comes later counts."""

from typing import Any

import pytest
from infra.bodies import customer, order
from infra.serving import Caller
from integration.api.conftest import MakeToken

from sendto.runtime.database import Database
from sendto_api.erasure import service

CANARY = "Canarybird"
EMAIL = "canarybird@nest.test"
PERSON = {"first_name": CANARY, "last_name": CANARY, "email": EMAIL}
PHONE = "+44 20 7946 0958"
ORDER = order(
    **PERSON,
    telephone=PHONE,
    comment=CANARY,
    address={"address_1": CANARY, "city": CANARY},
    customer=PERSON | {"mobile_number": PHONE},
)
MARKS = (CANARY, EMAIL, PHONE, "442079460958")


async def _remains(database: Database) -> list[str]:
    """The tables in which something of the person is left, also within bytes."""
    found = []
    async with database.connection() as connection:
        for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            table = row["tablename"]
            for mark in MARKS:
                sought = [f"%{mark.lower()}%", f"%{mark.encode().hex()}%", f"%{mark.lower().encode().hex()}%"]
                statement = f'SELECT 1 FROM "{table}" t WHERE lower(t::text) LIKE ANY($1)'
                found += [table for _ in await connection.fetch(statement, sought)]
    return found


async def _create(api: Caller, body: Any = ORDER) -> int:
    reply = await api("POST", "/v3/orders", body, {"Idempotency-Key": "made"})
    assert reply.status == 201
    return int(reply.json["order_id"])


async def _erase(api: Caller, **whom: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"next": 0}
    while told["next"] is not None:
        reply = await api("POST", "/v3/erasures", whom | {"after": told["next"]})
        assert reply.status == 200, reply.content
        assert CANARY.encode() not in reply.content
        told = reply.json
    return told


async def _rows(database: Database, statement: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch(statement)]


@pytest.mark.parametrize("by", ["order_id", "email"])
async def test_nothing_of_the_person_remains_and_the_order_does(api: Caller, api_database: Database, by: str) -> None:
    order_id = await _create(api)
    path = f"/v3/orders/{order_id}/customer"
    await api("PATCH", path, {"first_name": CANARY * 2}, {"Idempotency-Key": "changed"})
    await _rows(
        api_database, f"INSERT INTO order_status_history VALUES (DEFAULT, {order_id}, 1, '{CANARY}', true, 1, now())"
    )
    other = await api("POST", "/v3/orders", order(customer=customer()))
    assert await _remains(api_database)

    told = await _erase(api, **({by: order_id} if by == "order_id" else {by: EMAIL.upper()}))

    assert await _remains(api_database) == []
    assert (told["orders"], told["customers"], told["events"], told["answers"]) == ([order_id], 1, 2, 2)
    kept = (await api("GET", f"/v3/orders/{order_id}")).json
    assert (kept["first_name"], kept["telephone"], kept["comment"], kept["address"]) == ("erased", None, "", None)
    assert kept["order_total"] == ORDER.get("order_total", kept["order_total"])
    assert (await api("GET", path)).status == 404
    assert (await api("GET", f"/v3/orders/{other.json['order_id']}/customer")).status == 200
    [event] = await _rows(api_database, f"SELECT type, version, value FROM outbox WHERE order_id = {order_id}")
    assert event["type"] == "customer.deleted"
    assert (await api("GET", f"/v3/orders/{order_id}")).headers["etag"] == f'"{event["version"]}"'


async def test_an_order_that_was_deleted_before_leaves_nothing_either(api: Caller, api_database: Database) -> None:
    order_id = await _create(api)
    await _rows(api_database, "UPDATE outbox SET published_at = now()")
    await api("DELETE", f"/v3/orders/{order_id}")
    assert await _remains(api_database)

    await _erase(api, email=EMAIL)
    await _erase(api, order_id=order_id)

    assert await _remains(api_database) == []
    [event] = await _rows(api_database, "SELECT type, value FROM outbox")
    assert (event["type"], event["value"]) == ("customer.deleted", f'{{"order_id":{order_id},"changed":[]}}')


async def test_what_is_written_later_stays(api: Caller, api_database: Database) -> None:
    order_id = await _create(api)
    await _erase(api, order_id=order_id)
    path = f"/v3/orders/{order_id}/customer"
    assert (await api("POST", path, customer(), {"Idempotency-Key": "later"})).status == 201

    # It was cut short, and is said again: what came in between is not older.
    told = await _erase(api, email=EMAIL)

    assert told["orders"] == [order_id]
    assert (await api("GET", path)).status == 200
    again = await api("POST", path, customer(), {"Idempotency-Key": "later"})
    assert again.headers["idempotency-replayed"] == "true"
    types = [row["type"] for row in await _rows(api_database, "SELECT type FROM outbox ORDER BY id")]
    assert types == ["customer.deleted", "customer.created"]


async def test_one_that_was_cut_short_is_told_of_until_it_is_finished(api: Caller) -> None:
    order_id = await _create(api)
    reply = await api("POST", "/v3/erasures", {"email": EMAIL})
    again = await _erase(api, email=EMAIL)
    assert again["orders"] == reply.json["orders"] == [order_id]

    finished = await api("POST", "/v3/erasures/finish", {"erasures": again["erasures"]})

    assert finished.json == {"finished": len(again["erasures"])}
    assert (await _erase(api, email=EMAIL))["orders"] == []


async def test_many_orders_go_in_several_calls(
    api: Caller, api_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_STEP_ORDERS", 2)
    monkeypatch.setattr(service, "_STEP_EVENTS", 2)
    ids = [int((await api("POST", "/v3/orders", ORDER)).json["order_id"]) for _ in range(5)]

    told = await _erase(api, email=EMAIL)

    assert told["orders"] == ids
    assert await _remains(api_database) == []


async def test_both_permissions_are_needed(api: Caller, make_token: MakeToken) -> None:
    for permission in ("orders_write", "orders_customer_write", "orders_read"):
        caller = api.with_token(await make_token(permission))
        assert (await caller("POST", "/v3/erasures", {"order_id": 1})).status == 403, permission
        assert (await caller("POST", "/v3/erasures/finish", {"erasures": [1]})).status == 403, permission


@pytest.mark.parametrize("body", [{}, {"order_id": 1, "email": EMAIL}, {"order_id": 0}, {"email": CANARY}])
async def test_whom_to_forget_must_be_said_and_is_not_told_again(api: Caller, body: dict[str, Any]) -> None:
    reply = await api("POST", "/v3/erasures", body)

    assert reply.status == 422
    assert CANARY.encode() not in reply.content
