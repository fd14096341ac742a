"""Rule 33: a provider in shadow is sent nothing; all is translated and shown, and due once the shadow ends."""

from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.sdk import Command, HttpRequest
from sendto_dispatcher.adapters.sandbox import SandboxAdapter


async def _resting(rows: Rows, count: int) -> list[dict[str, Any]]:
    async def found() -> list[dict[str, Any]] | None:
        lanes = await rows("SELECT * FROM lane WHERE resting = 'shadow' AND due_at IS NULL ORDER BY order_id")
        return lanes if len(lanes) == count else None

    return await eventually(found) or []


async def _state(caller: Caller, order_id: int) -> dict[str, Any]:
    lanes: list[dict[str, Any]] = (await caller("GET", f"/ops/orders/{order_id}")).json["lanes"]
    return lanes[0]


async def test_nothing_is_sent_and_everything_is_shown(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, ops_token: str
) -> None:
    settings["providers"]["sandbox"]["shadow"] = True
    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1)
        await upstream.put(8, 1)
        await _resting(rows, 2)
        await upstream.delete(8, 2)
        await upstream.put(7, 2, first_name="Augusta")

        async def newest() -> bool:
            return bool(await rows("SELECT 1 FROM attempt WHERE order_id = 7 AND version = 2"))

        await eventually(newest)
        [lane] = await _resting(rows, 1)
        assert (lane["order_id"], lane["in_doubt"], lane["attempts"], lane["applied_present"]) == (7, False, 0, False)
        shown = await _state(caller, 7)
        assert shown["state"] == "shadow"
        assert "is in shadow" in shown["verdict"]
        listed = (await caller("GET", "/ops/lanes?state=shadow")).json["data"]
        assert [one["order_id"] for one in listed] == [7]

    recorded = await rows("SELECT operation, outcome, requests FROM attempt WHERE order_id = 7 ORDER BY id")
    assert {(row["operation"], row["outcome"], row["requests"]) for row in recorded} == {("create", "shadowed", 0)}
    assert await provider.log() == []

    settings["providers"]["sandbox"]["shadow"] = False
    async with dispatching(settings):
        await provider.holds(7, version=2, first_name="Augusta")
    assert await provider.get(8) is None
    assert [entry["version"] for entry in await provider.log()] == [2]


async def test_updates_and_deletes_of_what_is_there_are_held_back_too(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    async with dispatching(settings):
        for order_id in (7, 8):
            await upstream.put(order_id, 1)
            await provider.holds(order_id, version=1)
    settings["providers"]["sandbox"]["shadow"] = True
    async with dispatching(settings):
        await upstream.put(7, 2, first_name="Augusta")
        await upstream.delete(8, 2)
        await _resting(rows, 2)
    assert {entry["version"] for entry in await provider.log()} == {1}

    settings["providers"]["sandbox"]["shadow"] = False
    async with dispatching(settings):
        await provider.holds(7, version=2)
        await provider.lacks(8)


async def test_a_translation_that_fails_is_shown_before_anything_is_sent(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: SandboxAdapter, command: Command) -> HttpRequest:
        raise ValueError(command.reference)

    monkeypatch.setattr(SandboxAdapter, "translate", broken)
    settings["providers"]["sandbox"]["shadow"] = True
    async with dispatching(settings):
        await upstream.put(7, 1)
        [lane] = await _resting(rows, 1)

    assert lane["reason"] == "adapter_error"
    assert await provider.log() == []


async def test_content_that_fails_costs_its_own_lane_only(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SandboxAdapter.content

    def broken(adapter: SandboxAdapter, command: Command) -> dict[str, Any]:
        if command.order_id == 7:
            raise ValueError("no content for you")
        return right(adapter, command)

    monkeypatch.setattr(SandboxAdapter, "content", broken)
    async with dispatching(settings):
        await upstream.put(7, 1)
        await upstream.put(8, 1)
        await provider.holds(8)

        async def dead() -> list[dict[str, Any]]:
            return await rows("SELECT reason FROM lane WHERE order_id = 7 AND resting = 'dead'")

        assert await eventually(dead) == [{"reason": "adapter_error"}]
