"""Where orders go: the provider they name, else the first rule that matches, else the default, else nowhere."""

from pathlib import Path
from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider, sandbox
from infra.serving import Caller
from integration.dispatcher.conftest import FAST_RETRY, Rows, Settings, dispatching

GB = {"order_type": "delivery", "address": {"country": "GB"}}
FR = {"order_type": "delivery", "address": {"country": "FR"}}


@pytest.fixture
async def second(tmp_path: Path, settings: Settings) -> Any:
    """Another provider, for orders to Great Britain, and no default."""
    async with sandbox(tmp_path / "second") as other:
        settings["providers"]["british"] = {"adapter": "sandbox", "config": {"url": other.url}, "retry": FAST_RETRY}
        settings["routes"] = [
            {"when": {"country": ["GB"]}, "to": ["british"]},
            {"when": {"order_type": ["collection"]}, "to": ["sandbox", "british"]},
        ]
        settings["routing"] = {"default": []}
        yield other


async def _verdict(ops: Caller, order_id: int, word: str) -> dict[str, Any]:
    async def told() -> dict[str, Any] | None:
        story = (await ops("GET", f"/ops/orders/{order_id}")).json
        return story if any(word in line for line in story["verdict"]) else None

    story = await eventually(told)
    assert story is not None
    return story


async def test_the_first_rule_that_matches_decides(
    upstream: Upstream, provider: Provider, second: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(1, 1, order=GB)
        await upstream.put(2, 1, order={"order_type": "collection"})
        await upstream.put(3, 1, order=FR | {"shipment_provider": "sandbox"})
        await upstream.put(4, 1, order=FR)

        await second.holds(1)
        await second.holds(2)
        await provider.holds(2)
        await provider.holds(3)
        story = await _verdict(ops, 4, "Unrouted")

    assert await provider.get(1) is None
    assert await second.get(3) is None
    assert story["lanes"] == []


async def test_orders_that_go_nowhere_are_listed_page_by_page_without_the_person(
    upstream: Upstream, second: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as ops:
        for order_id in (4, 5, 6):
            await upstream.put(order_id, 1, order=FR | {"location_id": order_id, "comment": "Canary"})
        await upstream.put(7, 1, order=GB)
        await upstream.put(8, 1, order=FR)
        await upstream.delete(8, 2)

        async def listed() -> list[dict[str, Any]] | None:
            found: list[dict[str, Any]] = (await ops("GET", "/ops/routes/unrouted?limit=2")).json
            return found if [one["order_id"] for one in found] == [6, 5] else None

        await second.holds(7)
        found = await eventually(listed) or []
        after = (await ops("GET", f"/ops/routes/unrouted?before_id=5&before_source={found[1]['source']}")).json

    shown = {name: found[0][name] for name in ("version", "order_type", "country", "location_id", "payment")}
    assert shown == {"version": 1, "order_type": "delivery", "country": "FR", "location_id": 6, "payment": None}
    assert [one["order_id"] for one in after] == [4]
    assert "Ada" not in str(found)
    assert "Canary" not in str(found)


async def test_a_change_of_the_order_moves_its_customer(
    upstream: Upstream, provider: Provider, second: Provider, settings: Settings
) -> None:
    async with dispatching(settings):
        await upstream.put(1, 1, order=GB)
        await second.holds(1)

        await upstream.put(1, 2, order=GB | {"shipment_provider": "sandbox"})

        await provider.holds(1, version=2)
        await second.lacks(1)


async def test_a_collection_order_does_not_go_to_the_default(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(1, 1, order={"order_type": "collection"})
        await upstream.put(2, 1)

        await provider.holds(2)
        await _verdict(ops, 1, "Unrouted")
    assert await provider.get(1) is None


async def test_a_provider_that_is_not_configured_keeps_its_lane_until_it_is(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str, rows: Rows
) -> None:
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(1, 1, order=FR | {"shipment_provider": "later"})
        await _verdict(ops, 1, "no provider later is configured")

    settings["providers"]["later"] = settings["providers"].pop("sandbox")
    settings["routing"] = {"default": ["later"]}
    async with dispatching(settings, ops_token):
        await provider.holds(1, version=1)
    assert [row["provider"] for row in await rows("SELECT provider FROM lane")] == ["later"]
