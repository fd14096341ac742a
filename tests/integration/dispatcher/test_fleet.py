"""Whichever process is asked tells of all of them, and of the relays where it knows where they are."""

from typing import Any

from fastapi import FastAPI, Response
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller, served
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.health import health_routes

_OTHER = """
INSERT INTO replica (id, host, pid, release, config_digest, heartbeat_at, lag, unready, broken, refused)
SELECT 'other', 'there', 7, '1', config_digest, now() + interval '1 hour', $1, $2, $3, $4 FROM replica LIMIT 1
"""


async def _overview(ops: Caller) -> dict[str, Any]:
    overview: dict[str, Any] = (await ops("GET", "/ops/overview")).json
    return overview


async def _wait_for(ops: Caller, trouble: str) -> str:
    async def told() -> str | None:
        found = {one["name"]: one["sentence"] for one in (await _overview(ops))["troubles"]}
        return found.get(trouble)

    return await eventually(told) or ""


async def test_what_another_process_says_of_itself_is_told(settings: Settings, ops_token: str, rows: Rows) -> None:
    settings["providers"]["acme"] = {"adapter": "sandbox", "config": {"url": "http://127.0.0.1:9"}}
    async with dispatching(settings, ops_token) as ops:

        async def itself_is_well() -> dict[str, Any] | None:
            """It writes its own row first; on a busy machine a check of its own may fail for a moment."""
            overview = await _overview(ops)
            own = [one for one in overview["processes"] if one["id"] != "other"]
            return overview if own and not any(one["unready"] for one in own) else None

        await eventually(itself_is_well)
        await rows(
            _OTHER, {"97": 400, "98": 900}, {"intake": "Kafka is away"}, {"acme": "no licence"}, "a comma is missing"
        )

        overview = await eventually(itself_is_well) or {}

        assert overview["lag"] == 1300
        [other] = [one for one in overview["processes"] if one["id"] == "other"]
        assert (other["partitions"], other["unready"]) == (2, {"intake": "Kafka is away"})
        troubles = {one["name"]: one["sentence"] for one in overview["troubles"]}
        assert troubles["not_ready_intake"] == "Process there/7 is not ready: Kafka is away."
        assert troubles["intake_lagging"].startswith("1300 events on the topic")
        assert troubles["configuration_refused"].endswith("a comma is missing")
        assert troubles["provider_broken"].startswith("acme cannot be served: no licence.")
        assert {one["provider"]: one["state"] for one in overview["providers"]}["acme"] == "broken"


async def test_a_disabled_provider_is_told_as_such(settings: Settings, ops_token: str, rows: Rows) -> None:
    settings["providers"]["acme"] = {
        "adapter": "sandbox",
        "config": {"url": "http://127.0.0.1:9"},
        "enabled": False,
    }
    await rows("INSERT INTO provider_state (provider) VALUES ('acme'), ('nobody')")
    async with dispatching(settings, ops_token) as ops:
        states = {one["provider"]: one["state"] for one in (await _overview(ops))["providers"]}

    assert states == {"acme": "disabled", "nobody": "not configured", "sandbox": "serving"}


async def test_a_provider_that_only_an_order_has_named_is_told_and_its_lanes_are_listed(
    settings: Settings, ops_token: str, upstream: Upstream, provider: Provider
) -> None:
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(7, 1, order={"order_type": "delivery", "shipment_provider": ["sandbox", "sandbocks"]})
        await provider.holds(7)

        assert "No provider sandbocks is configured. Waiting: 1 order" in await _wait_for(
            ops, "provider_not_configured"
        )
        [lane] = (await ops("GET", "/ops/lanes")).json["data"]
        assert (lane["provider"], lane["state"]) == ("sandbocks", "parked")
        assert (await ops("POST", "/ops/providers/sandbocks/pause", {})).status == 204
        assert {one["provider"]: one["paused_by"] for one in (await ops("GET", "/ops/providers")).json} == {
            "sandbocks": "test",
            "sandbox": None,
        }


async def test_relays_and_the_outbox_are_told_where_they_are_known(settings: Settings, ops_token: str) -> None:
    relay, problems = FastAPI(), dict[str, str]()
    waiting = {"sendto_outbox_depth": 7.0, "sendto_outbox_oldest_seconds": 2.0, "sendto_relay_leads": 1.0}

    @relay.get("/metrics")
    async def metrics() -> Response:
        return Response("".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in waiting.items()))

    async def kafka() -> str | None:
        return problems.get("kafka")

    relay.router.routes += health_routes({"kafka": kafka})
    async with served(relay) as url:
        settings["dispatcher"]["relay_urls"] = url
        async with dispatching(settings, ops_token) as ops:
            overview = await _overview(ops)
            assert overview["relays"] == [
                {"url": url, "problem": None, "leads": True, "outbox_events": 7, "outbox_oldest_s": 2.0}
            ]
            assert not {one["name"] for one in overview["troubles"]} & {"relay_away", "outbox_growing"}

            waiting["sendto_outbox_oldest_seconds"] = 99.0
            assert "7 events waiting in the outbox, the oldest for 99 s" in await _wait_for(ops, "outbox_growing")

            problems["kafka"] = "Kafka is away"
            assert f"({url}: Kafka is away)" in await _wait_for(ops, "relay_away")


async def test_a_relay_that_does_not_answer_is_told(settings: Settings, ops_token: str) -> None:
    settings["dispatcher"]["relay_urls"] = "http://127.0.0.1:9"
    async with dispatching(settings, ops_token) as ops:
        assert "(http://127.0.0.1:9: it does not answer)" in await _wait_for(ops, "relay_away")
