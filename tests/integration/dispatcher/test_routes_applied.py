"""Changed routes are applied to known orders: counted first, paced, cancellable, stopped where processes differ."""

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
TO_BRITISH = [{"when": {"country": ["GB"]}, "to": ["british"]}]


@pytest.fixture
async def british(tmp_path: Path, settings: Settings) -> Any:
    """Another provider, to which nothing is routed yet."""
    async with sandbox(tmp_path / "british") as other:
        settings["providers"]["british"] = {"adapter": "sandbox", "config": {"url": other.url}, "retry": FAST_RETRY}
        yield other


async def _ended(ops: Caller, run: dict[str, Any]) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = (await ops("GET", f"/ops/routes/runs/{run['id']}")).json
        return now if now["ended_at"] else None

    found = await eventually(ended)
    assert found is not None
    return found


async def _begin(ops: Caller) -> dict[str, Any]:
    counted = (await ops("GET", "/ops/routes/count")).json
    begun = await ops("POST", "/ops/routes/apply", {"digest": counted["digest"], "orders": counted["orders"]})
    assert begun.status == 201, begun.json
    run: dict[str, Any] = begun.json
    return run


async def test_known_orders_move_after_a_count(
    upstream: Upstream, provider: Provider, british: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as ops:
        for order_id, order in ((1, GB), (2, FR), (3, GB)):
            await upstream.put(order_id, 1, order=order)
        for order_id in (1, 2, 3):
            await provider.holds(order_id)
    settings["routes"] = TO_BRITISH
    async with dispatching(settings, ops_token) as ops:
        counted = (await ops("GET", "/ops/routes/count")).json
        assert (counted["known"], counted["orders"]) == (3, 2)
        assert counted["ways"] == [{"leave": ["sandbox"], "reach": ["british"], "orders": 2}]
        wrong = {"digest": "another", "orders": 2}
        assert (await ops("POST", "/ops/routes/apply", wrong)).status == 409
        fewer = {"digest": counted["digest"], "orders": 1}
        assert (await ops("POST", "/ops/routes/apply", fewer)).status == 409

        ended = await _ended(ops, await _begin(ops))

        assert (ended["looked_at"], ended["routed"], ended["lanes"]) == (3, 2, 4)
        await british.holds(1)
        await british.holds(3)
        await provider.lacks(1)
        await provider.lacks(3)
        await provider.holds(2)
        assert (await ops("GET", "/ops/routes/count")).json["orders"] == 0
        [change] = (await ops("GET", "/ops/changes")).json
        assert (change["action"], change["target"]["orders"]) == ("routes applied", 2)
        assert (await ops("GET", "/ops/routes/runs/999")).status == 404


async def test_an_order_that_has_left_is_told_of_by_what_it_is_now(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token):
        await upstream.put(1, 1, order=GB)
        await provider.holds(1)
    settings["routing"] = {"default": []}
    async with dispatching(settings, ops_token) as ops:
        await _ended(ops, await _begin(ops))
        await provider.lacks(1)

        async def settled() -> list[str] | None:
            verdict: list[str] = (await ops("GET", "/ops/orders/1")).json["verdict"]
            return verdict if "sandbox holds nothing" in verdict[1] else None

        [unrouted, left] = await eventually(settled) or []

        assert unrouted == "Unrouted: there is no rule and no default."
        assert left.startswith("sandbox holds nothing, as it should after the removal (version 1), since ")


async def test_it_goes_no_faster_than_the_provider_and_can_be_cancelled(
    upstream: Upstream, provider: Provider, british: Provider, settings: Settings, ops_token: str, rows: Rows
) -> None:
    async with dispatching(settings, ops_token):
        for order_id in range(1, 41):
            await upstream.put(order_id, 1, order=GB)
        for order_id in range(1, 41):
            await provider.holds(order_id)
    settings["providers"]["british"]["limits"] = {"rate": "2/s"}
    settings["routes"] = TO_BRITISH
    async with dispatching(settings, ops_token) as ops:
        run = await _begin(ops)
        counted = (await ops("GET", "/ops/routes/count")).json
        again = await ops("POST", "/ops/routes/apply", {"digest": counted["digest"]})
        assert (again.status, again.json["detail"]) == (409, "the routes are being applied already")

        async def moving() -> bool:
            return bool((await ops("GET", f"/ops/routes/runs/{run['id']}")).json["routed"])

        await eventually(moving)
        await upstream.put(1000, 1, order=GB)
        await british.holds(1000)  # a fresh change does not wait behind all that move
        cancelled = (await ops("POST", f"/ops/routes/runs/{run['id']}/cancel")).json

        assert cancelled["cancelled_by"] == "test"
        assert 0 < cancelled["routed"] < 40
        refused = await ops("POST", f"/ops/routes/runs/{run['id']}/cancel")
        assert refused.status == 409
        assert refused.json["detail"].endswith(" UTC")
        assert [row["id"] for row in (await ops("GET", "/ops/routes/runs")).json] == [run["id"]]
    moved = await rows("SELECT count(*) AS lanes FROM lane WHERE provider = 'british'")
    assert moved[0]["lanes"] <= cancelled["routed"] + 1


async def test_leaving_a_paused_provider_waits_for_nothing(
    upstream: Upstream, provider: Provider, british: Provider, settings: Settings, ops_token: str
) -> None:
    settings["providers"]["sandbox"]["limits"] = {"rate": "1/min"}
    async with dispatching(settings, ops_token) as ops:
        for order_id in (1, 2, 3, 4, 5, 6):
            await upstream.put(order_id, 1, order=GB)
        await provider.holds(1)
        await ops("POST", "/ops/providers/sandbox/pause", {})
    settings["routes"] = TO_BRITISH
    async with dispatching(settings, ops_token) as ops:
        await _ended(ops, await _begin(ops))

        for order_id in (1, 2, 3, 4, 5, 6):
            await british.holds(order_id)


@pytest.mark.usefixtures("british", "provider")
async def test_a_process_with_another_configuration_refuses_it_and_stops_what_has_begun(
    upstream: Upstream, settings: Settings, ops_token: str, rows: Rows
) -> None:
    other = "INSERT INTO replica (id, host, pid, release, config_digest) VALUES ('other', 'there', 1, '1', 'other')"
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(1, 1, order=GB)

        async def known() -> bool:
            return bool(await rows("SELECT 1 FROM order_state"))

        await eventually(known)
        digest = (await ops("GET", "/ops/routes/count")).json["digest"]
        await rows(other)
        refused = await ops("POST", "/ops/routes/apply", {"digest": digest})
        assert refused.status == 409
        assert "other" in refused.json["detail"]

        await rows("DELETE FROM replica WHERE id = 'other'")
        await rows("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
        await rows("CREATE TRIGGER hold BEFORE UPDATE OF looked_at ON ops_reroute FOR EACH ROW EXECUTE FUNCTION hold()")
        run = await _begin(ops)
        await rows(other)

        ended = await _ended(ops, run)

        assert ended["cancelled_by"] is None
        assert "other configurations: other" in ended["stopped"]


async def test_routes_are_tried_on_an_order_that_is_described(
    british: Provider, settings: Settings, ops_token: str
) -> None:
    del british
    settings["routes"] = TO_BRITISH
    async with dispatching(settings, ops_token) as ops:

        async def routed(**order: Any) -> tuple[str, list[str]]:
            told = (await ops("POST", "/ops/routes/test", order)).json
            return told["route"], told["providers"]

        assert await routed(country="GB") == ("rule 1", ["british"])
        assert await routed(country="FR") == ("default", ["sandbox"])
        assert await routed(order_type="collection") == ("unrouted", [])
        assert await routed(shipment_provider="spoke") == ("event", ["spoke"])
        assert (await ops("POST", "/ops/routes/test", {"order_type": "flight"})).status == 422
        told = (await ops("POST", "/ops/routes/test", {"country": "FR"})).json
        assert told["rules"][0]["missed"] == [{"condition": "country", "wanted": ["GB"], "has": "FR"}]
