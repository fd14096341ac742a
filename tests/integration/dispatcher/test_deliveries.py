"""What upstream systems may ask of the dispatcher: whether an order has arrived."""

import json

import pytest
from infra.events import SOURCE, Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import create_token


@pytest.fixture
async def shop(dispatcher: Caller, dispatch_database: Database) -> Caller:
    """An upstream system that may only ask for deliveries."""
    async with dispatch_database.connection() as connection:
        token = await create_token(connection, name="shop", permissions=["deliveries:read"])
    return dispatcher.with_token(token)


async def test_an_order_that_has_arrived_says_so(shop: Caller, upstream: Upstream, provider: Provider) -> None:
    await upstream.put(7, 5)
    await provider.holds(7)

    async def arrived() -> bool:
        reply = await shop("GET", "/v1/deliveries/7")
        return reply.status == 200 and bool(reply.json["deliveries"]) and reply.json["deliveries"][0]["arrived"]

    await eventually(arrived)
    [delivery] = (await shop("GET", "/v1/deliveries/7")).json["deliveries"]
    since = delivery.pop("since")
    assert since.startswith("20")
    assert delivery == {
        "provider": "sandbox",
        "source": SOURCE,
        "state": "converged",
        "arrived": True,
        "present": True,
        "version": 5,
        "applied_version": 5,
        "reason": None,
    }


async def test_an_order_that_was_refused_says_why_without_personal_data(
    shop: Caller, upstream: Upstream, provider: Provider
) -> None:
    await provider.behave(errors={"422": 1.0})
    await upstream.put(8, 1, first_name="Canary")

    async def dead() -> bool:
        reply = await shop("GET", "/v1/deliveries/8")
        return reply.status == 200 and reply.json["deliveries"][0]["state"] == "dead"

    await eventually(dead)
    body = (await shop("GET", "/v1/deliveries/8")).json
    [delivery] = body["deliveries"]
    assert (delivery["arrived"], delivery["version"], delivery["applied_version"]) == (False, 1, None)
    assert delivery["reason"]
    assert "Canary" not in json.dumps(body)
    assert "ada@" not in json.dumps(body)


async def test_an_order_that_goes_nowhere_has_no_deliveries(shop: Caller, upstream: Upstream) -> None:
    await upstream.put(9, 1, order={"order_type": "collection"})

    async def known() -> bool:
        return (await shop("GET", "/v1/deliveries/9")).status == 200

    await eventually(known)
    assert (await shop("GET", "/v1/deliveries/9")).json == {"order_id": 9, "deliveries": []}


async def test_an_order_of_which_nothing_was_heard_is_not_found(shop: Caller) -> None:
    assert (await shop("GET", "/v1/deliveries/10")).status == 404
    assert (await shop("GET", "/v1/deliveries/0")).status == 422


async def test_the_permission_is_for_deliveries_only(
    shop: Caller, dispatcher: Caller, dispatch_database: Database
) -> None:
    async with dispatch_database.connection() as connection:
        ops = await create_token(connection, name="ops", permissions=["ops:read"])

    assert (await shop("GET", "/ops/orders/1")).status == 403
    assert (await shop.with_token(None)("GET", "/v1/deliveries/1")).status == 401
    assert (await dispatcher.with_token(ops)("GET", "/v1/deliveries/1")).status == 403
