"""A provider that takes many orders in one request: one request of the rate limit, and each lane settles by itself."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from infra.adapters import CASES
from infra.events import Upstream, binary_headers
from infra.eventually import eventually
from infra.providers.scripted import Answer, on_socket
from infra.providers.sendcloud import Sendcloud, refusal
from infra.providers.trackpod import TrackPod
from infra.secret_settings import source_of
from infra.serving import Caller
from infra.traces import collecting
from integration.dispatcher.conftest import FAST_RETRY, Rows, Settings, dispatching

ORDER = {"order_type": "delivery", "order_total": 15.04, "currency": "GBP", "payment": "cod"}
PERSON = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@shop.test"}
ADDRESS = {"address_1": "221B Baker Street", "city": "London", "postcode": "NW1 6XE", "country": "GB"}


@pytest.fixture
async def sendcloud(settings: Settings) -> AsyncIterator[Sendcloud]:
    """Sendcloud, to which all orders go."""
    provider = Sendcloud()
    async with on_socket(provider) as url:
        settings["providers"] = {"sendcloud": CASES["sendcloud"].settings(url) | {"retry": FAST_RETRY}}
        settings["providers"]["sendcloud"]["config"]["save_s"] = 0.1
        settings["providers"]["sendcloud"]["limits"] = {"rate": "200/s"}
        settings["dispatcher"]["engine"]["confirm_after_s"] = 0.1
        settings["routing"] = {"default": ["sendcloud"]}
        yield provider


async def _due_at_once(caller: Caller, upstream: Upstream, rows: Rows, count: int, **customer: Any) -> None:
    """Publish orders 1 … count while the provider is paused, then let it go on."""
    assert (await caller("POST", "/ops/providers/sendcloud/pause", {})).status == 204
    for order_id in range(1, count + 1):
        await upstream.put(order_id, 1, order=ORDER, **{"first_name": f"Number{order_id}"} | customer)

    async def taken() -> bool:
        return len(await rows("SELECT 1 FROM lane")) == count

    await eventually(taken)
    assert (await caller("POST", "/ops/providers/sendcloud/resume")).status == 204


async def _settled(rows: Rows, condition: str, count: int) -> None:
    async def settled() -> bool:
        return len(await rows(f"SELECT 1 FROM lane WHERE {condition}")) == count

    await eventually(settled)


def _posts(provider: Sendcloud) -> list[int]:
    """How many orders each writing request brought."""
    return [len(asked.json) for asked in provider.asked if asked.method == "POST"]


async def test_many_lanes_are_one_request_and_settle_one_by_one(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 120)
        await _settled(rows, "applied_present", 120)
        # Sendcloud saves after its answer: what it accepted is shown as unconfirmed until it is read back.
        words = {lane["state"] for lane in (await caller("GET", "/ops/orders/7")).json["lanes"]}
        assert words <= {"unconfirmed", "converged", "leased"}
        await _settled(rows, "NOT unconfirmed AND due_at IS NULL AND applied_version = 1", 120)

    assert len(sendcloud.orders) == 120
    posts = _posts(sendcloud)
    assert sum(posts) == 120
    assert max(posts) == 100
    assert len(posts) <= 4
    attempts = await rows("SELECT order_id, requests FROM attempt WHERE operation = 'create'")
    assert len({attempt["order_id"] for attempt in attempts}) == 120
    assert sum(attempt["requests"] for attempt in attempts) == len(posts)


async def test_a_batch_is_one_request_of_the_rate_limit(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    """A hundred lanes at two requests a minute: they arrive at once, or not before the test is over."""
    settings["providers"]["sendcloud"]["limits"] = {"rate": "2/min", "burst": 4}
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 100)
        await _settled(rows, "applied_present", 100)

    assert _posts(sendcloud) == [100]


async def test_the_one_that_is_named_is_dead_and_the_others_go_again_without_it(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    sendcloud.refused = {"Number3 Lovelace", "Number5 Lovelace"}
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 8)
        await _settled(rows, "applied_present", 6)
        await _settled(rows, "resting = 'dead'", 2)

    assert {row["order_id"] for row in await rows("SELECT order_id FROM lane WHERE resting = 'dead'")} == {3, 5}
    assert await rows("SELECT 1 FROM lane WHERE attempts > 0 AND resting IS NULL") == []
    assert _posts(sendcloud)[:1] == [8]
    assert len(_posts(sendcloud)) <= 4


async def test_where_nobody_is_named_each_is_tried_alone(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    sendcloud.next.append(Answer(400, refusal("One of them is wrong")))
    sendcloud.refused = {"Number2 Lovelace"}
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 5)
        await _settled(rows, "applied_present", 4)
        await _settled(rows, "resting = 'dead'", 1)

    assert _posts(sendcloud) == [5, 1, 1, 1, 1, 1]
    assert [row["order_id"] for row in await rows("SELECT order_id FROM lane WHERE resting = 'dead'")] == [2]


async def test_a_lost_answer_to_a_batch_doubles_nothing_and_opens_no_breaker(
    sendcloud: Sendcloud,
    settings: Settings,
    upstream: Upstream,
    rows: Rows,
    ops_token: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sendcloud.lose_answers = 1
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 40)
        await _settled(rows, "applied_present AND NOT in_doubt AND due_at IS NULL", 40)

    assert len(sendcloud.orders) == 40
    assert "breaker_opened" not in "".join(capfd.readouterr())


async def test_a_batch_of_refused_credentials_asks_once_and_holds_the_provider(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    settings["providers"]["sendcloud"]["config"]["secret_key"] = source_of("another")
    async with dispatching(settings, ops_token) as caller:
        await _due_at_once(caller, upstream, rows, 40)

        async def held() -> list[dict[str, Any]]:
            return await rows("SELECT hold_reason FROM provider_state WHERE held_at IS NOT NULL")

        assert await eventually(held) == [{"hold_reason": "unauthorized"}]
        assert _posts(sendcloud)[0] == 40
        assert len([asked for asked in sendcloud.asked if asked.method == "GET"]) <= len(_posts(sendcloud))
    assert await rows("SELECT 1 FROM lane WHERE resting IS NOT NULL") == []


async def test_an_order_without_what_is_required_waits_for_newer_state(
    settings: Settings, upstream: Upstream, rows: Rows
) -> None:
    trackpod = TrackPod()
    async with on_socket(trackpod) as url:
        settings["providers"] = {"trackpod": CASES["trackpod"].settings(url) | {"retry": FAST_RETRY}}
        settings["routing"] = {"default": ["trackpod"]}
        async with dispatching(settings):
            await upstream.put(7, 1, order=ORDER)
            await _settled(rows, "resting = 'dead' AND reason = 'needs_delivery_address'", 1)
            assert trackpod.asked == []

            await upstream.put(7, 2, order=ORDER | {"address": ADDRESS})
            await _settled(rows, "applied_present AND applied_version = 2 AND resting IS NULL", 1)

    assert len(trackpod.held("7")) == 1


async def test_a_request_for_many_is_in_the_trace_of_each_and_they_are_linked_to_the_first(
    sendcloud: Sendcloud, settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    given = {order_id: f"{order_id:032x}" for order_id in range(1, 13)}
    async with collecting() as collector:
        settings["telemetry"] = {"otlp_endpoint": collector.url}
        async with dispatching(settings, ops_token) as caller:
            assert (await caller("POST", "/ops/providers/sendcloud/pause", {})).status == 204
            for order_id, trace in given.items():
                body = {"order_id": order_id, "customer": PERSON, "order": ORDER}
                headers = [
                    *binary_headers("customer.updated", 1),
                    ("ce_traceparent", f"00-{trace}-{1:016x}-01".encode()),
                ]
                await upstream.raw(str(order_id).encode(), json.dumps(body).encode(), headers)
            await _settled(rows, "due_at IS NOT NULL", len(given))
            assert (await caller("POST", "/ops/providers/sendcloud/resume")).status == 204
            await _settled(rows, "applied_present", len(given))

    calls = [
        one for one in collector.of("dispatcher", "call sendcloud") if one.attributes["sendto.operation"] == "create"
    ]
    assert {one.attributes["sendto.order_id"]: one.trace for one in calls} == given
    firsts = [one for one in calls if not one.links]
    assert len(firsts) == len([posted for posted in _posts(sendcloud) if posted])
    assert {link for one in calls for link in one.links} <= {one.trace for one in firsts}
    assert len(firsts) < len(calls)
