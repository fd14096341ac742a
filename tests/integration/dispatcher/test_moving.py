"""Forgetting the versions of a source, and giving a provider another name."""

from typing import Any

from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

ABSURD = 2**62


async def test_a_source_that_sent_absurd_versions_is_heard_again_after_a_reset(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    """Rule 3."""
    await upstream.put(7, ABSURD, first_name="Absurd")
    await provider.holds(7, first_name="Absurd")
    await upstream.put(7, 1, first_name="True")
    await upstream.put(8, 1)
    await provider.holds(8)
    assert (await rows("SELECT verdict FROM intake_event WHERE order_id = 7 ORDER BY id DESC LIMIT 1")) == [
        {"verdict": "stale"}
    ]
    wanted = {"source": "/shop/upstream", "above": 1000}

    counted = (await dispatcher("GET", "/ops/sources/reset/count?source=/shop/upstream&above=1000")).json
    assert counted == {"orders": 1}
    assert (await dispatcher("POST", "/ops/sources/reset", wanted)).json == {"orders": 1}
    assert (await dispatcher("POST", "/ops/sources/reset", wanted)).json == {"orders": 0}

    await upstream.put(7, 2, first_name="True")
    await provider.holds(7, first_name="True")
    [heard] = (await dispatcher("GET", "/ops/sources")).json
    assert (heard["source"], heard["events"]) == ("/shop/upstream", 4)
    actions = [change["action"] for change in (await dispatcher("GET", "/ops/changes")).json]
    assert actions == ["source reset", "source reset"]


def _renamed(settings: Settings, *, enabled: bool) -> Settings:
    settings["providers"]["moved"] = settings["providers"].pop("sandbox", None) or settings["providers"]["moved"]
    settings["providers"]["moved"]["enabled"] = enabled
    settings["routing"] = {"default": ["moved"]}
    return settings


async def test_a_renamed_provider_keeps_what_it_holds(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str, rows: Rows
) -> None:
    async with dispatching(settings, ops_token) as ops:
        for order_id in (1, 2, 3):
            await upstream.put(order_id, 1)
            await provider.holds(order_id)
        assert (await ops("POST", "/ops/providers/sandbox/rename", {"to": "moved"})).status == 409
        assert (await ops("POST", "/ops/providers/nobody/rename", {"to": "moved"})).status == 404
        assert (await ops("POST", "/ops/providers/nobody/rename", {"to": "No Name"})).status == 422
    writes = len(await provider.log())

    async with dispatching(_renamed(settings, enabled=False), ops_token) as ops:
        await upstream.put(2, 2, first_name="Changed")  # an event in between makes a lane under the new name

        async def both() -> bool:
            return len(await rows("SELECT 1 FROM lane WHERE order_id = 2")) == 2

        await eventually(both)
        assert (await ops("POST", "/ops/providers/sandbox/rename", {"to": "moved"})).json == {"lanes": 3}
        [change] = (await ops("GET", "/ops/changes")).json
        assert (change["action"], change["lanes"]) == ("rename", 3)
        assert (await ops("POST", "/ops/providers/sandbox/rename", {"to": "moved"})).status == 404
    assert await rows("SELECT DISTINCT provider FROM lane") == [{"provider": "moved"}]
    assert await rows("SELECT DISTINCT provider FROM lane_reference") == [{"provider": "moved"}]
    assert await rows("SELECT DISTINCT providers FROM order_state") == [{"providers": ["moved"]}]

    async with dispatching(_renamed(settings, enabled=True)):
        await provider.holds(2, first_name="Changed")
        await upstream.delete(3, 2)
        await provider.lacks(3)

    assert await provider.count() == 2
    assert len(await provider.log()) == writes + 2


async def test_what_was_sent_under_both_names_is_not_renamed(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings):
        await upstream.put(1, 1)
        await provider.holds(1)

    async with dispatching(_renamed(settings, enabled=True), ops_token) as ops:
        await upstream.put(1, 2, first_name="Twice")
        await provider.holds(1, first_name="Twice")

        async def settled() -> dict[str, Any] | None:
            reply = await ops("POST", "/ops/providers/sandbox/rename", {"to": "moved"})
            return reply.json if "something was sent" in reply.json["detail"] else None

        refused = await eventually(settled)

    assert refused is not None
    assert "for 1 orders" in refused["detail"]
