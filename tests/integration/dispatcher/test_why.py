"""Why an order is where it is, from the first event to what happens next."""

from typing import Any

from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Settings, dispatching


async def _told(ops: Caller, order_id: int, words: str) -> dict[str, Any]:
    async def told() -> dict[str, Any] | None:
        story: dict[str, Any] = (await ops("GET", f"/ops/orders/{order_id}")).json
        return story if any(words in line for line in story["verdict"]) else None

    found = await eventually(told)
    assert found is not None
    return found


async def test_the_rules_that_did_not_match_say_what_they_missed(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    settings["routes"] = [
        {"when": {"location_id": [1], "country": ["GB"]}, "to": ["sandbox"]},
        {"when": {"order_type": ["delivery"], "location_id": [2]}, "to": ["sandbox"]},
    ]
    settings["routing"] = {"default": []}
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(7, 1, order={"order_type": "delivery", "location_id": 9, "address": {"country": "GB"}})
        await upstream.put(8, 1, order={"order_type": "delivery", "location_id": 2})
        unrouted = await _told(ops, 7, "Unrouted: no rule matches location 9.")
        await provider.holds(8)
        routed = await _told(ops, 8, "sandbox has the customer")

    [source] = unrouted["sources"]
    assert [(rule["number"], [one["condition"] for one in rule["missed"]]) for rule in source["rules"]] == [
        (1, ["location_id"]),
        (2, ["location_id"]),
    ]
    assert source["rules"][0]["missed"] == [{"condition": "location_id", "wanted": ["1"], "has": "9"}]
    [source] = routed["sources"]
    assert (source["route"], source["route_now"]) == ("rule 2", "rule 2")
    assert [one["condition"] for one in source["rules"][0]["missed"]] == ["country", "location_id"]
    assert source["rules"][1]["missed"] == []


async def test_routes_that_have_changed_since_are_told(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token):
        await upstream.put(7, 1)
        await provider.holds(7)
    settings["routing"] = {"default": []}
    async with dispatching(settings, ops_token) as ops:
        story = await _told(ops, 7, "By the routes in force it would go to nowhere")

    assert any("sandbox has the customer" in line for line in story["verdict"])


async def test_a_stale_event_and_a_rejected_one_are_told(
    upstream: Upstream, provider: Provider, dispatcher: Caller
) -> None:
    await upstream.put(7, 5)
    await provider.holds(7)
    await upstream.put(7, 3)
    await _told(dispatcher, 7, "version 3, was dropped as stale: version 5 is known")

    await upstream.publish(7, "customer.updated", 6, {"order_id": 7, "customer": {"last_name": "nameless"}})

    story = await _told(dispatcher, 7, "Its last event was rejected (")
    assert "its producer has to mend" in story["verdict"][-1]
    assert "nameless" not in str(story)


async def test_a_rejected_event_is_told_where_it_came_in_one_batch_with_others(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    nameless = {"customer": {"last_name": "nameless"}}
    await upstream.put(7, 5)
    await upstream.put(7, None)
    await upstream.publish(8, "customer.updated", 6, nameless | {"order_id": 8})
    await upstream.put(8, 7)
    await upstream.put(9, 5)
    await upstream.publish(9, "customer.updated", 6, nameless | {"order_id": 9})
    await upstream.put(9, None)
    async with dispatching(settings, ops_token) as ops:
        await _told(ops, 7, "Its last event was rejected (unversioned: ")
        await _told(ops, 9, "Its last event was rejected (unversioned: ")
        await provider.holds(8)
        mended = await _told(ops, 8, "sandbox has the customer (version 7), the newest")

    assert len(mended["rejected"]) == 1
    assert not any("rejected" in line for line in mended["verdict"])


async def test_an_order_that_nobody_told_of_is_said_so(dispatcher: Caller) -> None:
    assert (await dispatcher("GET", "/ops/orders/7")).json["verdict"] == ["No event of this order was taken."]
