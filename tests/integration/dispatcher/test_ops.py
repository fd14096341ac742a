"""The dispatcher's health, metrics and ops API."""

import asyncio

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import create_token

METRICS = (
    'sendto_lanes{provider="sandbox",state="converged"}',
    'sendto_lane_oldest_due_seconds{provider="sandbox"}',
    'sendto_lane_oldest_unapplied_seconds{provider="sandbox"}',
    'sendto_attempts_total{operation="create",outcome="applied",provider="sandbox"}',
    'sendto_attempt_duration_seconds_bucket{le="0.25",provider="sandbox"}',
    'sendto_intake_lag_records{partition="0"} 0.0',
    'sendto_intake_events_total{verdict="counted"}',
    'sendto_http_requests_total{app_name="dispatcher"',
    "faststream_received_messages_total",
)


async def test_health_needs_no_token(dispatcher: Caller) -> None:
    nobody = dispatcher.with_token(None)

    async def ready() -> bool:
        return (await nobody("GET", "/readyz")).status == 200

    assert (await nobody("GET", "/healthz")).status == 200
    await eventually(ready)


async def test_every_call_is_described_and_no_page_loads_anything_from_elsewhere(dispatcher: Caller) -> None:
    nobody = dispatcher.with_token(None)

    described = (await nobody("GET", "/openapi.json")).json["paths"]

    assert {"/ops/orders/{order_id}", "/ops/overview", "/ops/routes/apply", "/ops/rejected/take"} <= described.keys()
    assert all("summary" in call and "description" in call for path in described.values() for call in path.values())
    assert (await nobody("GET", "/docs")).status == (await nobody("GET", "/redoc")).status == 404


async def test_metrics_tell_of_lanes_attempts_and_intake(
    dispatcher: Caller, upstream: Upstream, provider: Provider
) -> None:
    await upstream.put(7, 1)
    await provider.holds(7)

    async def all_shown() -> bool:
        text = (await dispatcher("GET", "/metrics")).content.decode()
        return all(name in text for name in METRICS)

    await eventually(all_shown)


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/ops/orders/1", "ops:read"),
        ("GET", "/ops/providers", "ops:read"),
        ("GET", "/ops/replicas", "ops:read"),
        ("GET", "/ops/lanes", "ops:read"),
        ("GET", "/ops/replays", "ops:read"),
        ("GET", "/ops/replays/count?provider=sandbox", "ops:read"),
        ("GET", "/ops/changes", "ops:read"),
        ("GET", "/ops/sources", "ops:read"),
        ("GET", "/ops/sources/reset/count?source=x", "ops:read"),
        ("POST", "/ops/sources/reset", "ops:write"),
        ("POST", "/ops/routes/test", "ops:read"),
        ("GET", "/ops/routes/count", "ops:read"),
        ("GET", "/ops/routes/unrouted", "ops:read"),
        ("GET", "/ops/routes/runs", "ops:read"),
        ("POST", "/ops/routes/apply", "ops:write"),
        ("POST", "/ops/routes/runs/1/cancel", "ops:write"),
        ("GET", "/ops/rejected", "ops:read"),
        ("GET", "/ops/rejected/count", "ops:read"),
        ("POST", "/ops/rejected/take", "ops:write"),
        ("POST", "/ops/rejected/1/take", "ops:write"),
        ("POST", "/ops/rejected/1/record", "personal:read"),
        ("POST", "/ops/orders/1/customer", "personal:read"),
        ("POST", "/ops/providers/sandbox/rename", "ops:write"),
        ("POST", "/ops/orders/1/replay", "ops:write"),
        ("POST", "/ops/orders/1/retry", "ops:write"),
        ("POST", "/ops/lanes/1/replay", "ops:write"),
        ("POST", "/ops/lanes/1/retry", "ops:write"),
        ("POST", "/ops/replays", "ops:write"),
        ("POST", "/ops/replays/1/cancel", "ops:write"),
        ("POST", "/ops/providers/sandbox/pause", "ops:write"),
        ("POST", "/ops/providers/sandbox/resume", "ops:write"),
    ],
)
async def test_every_call_needs_its_permission(
    dispatcher: Caller, dispatch_database: Database, method: str, path: str, needed: str
) -> None:
    async with dispatch_database.connection() as connection:
        weaker = "deliveries:read" if needed == "ops:read" else "ops:read"
        lacking = await create_token(connection, name="weak", permissions=[weaker])
        allowed = await create_token(connection, name="good", permissions=[needed])

    assert (await dispatcher.with_token(None)(method, path, {})).status == 401
    assert (await dispatcher.with_token("sendto_ops_wrong")(method, path, {})).status == 401
    assert (await dispatcher.with_token(lacking)(method, path, {})).status == 403
    assert (await dispatcher.with_token(allowed)(method, path, {})).status in {200, 204, 404, 422}


async def test_a_pause_stops_a_provider_until_it_is_resumed(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await dispatcher("POST", "/ops/providers/sandbox/pause", {"reason": "their maintenance"})
    await upstream.put(7, 1)

    async def waiting() -> str | None:
        verdicts = (await dispatcher("GET", "/ops/orders/7")).json["verdict"]
        return verdicts[0] if "paused" in verdicts[0] else None

    assert "paused by test" in (await eventually(waiting) or "")
    assert await provider.log() == []

    await dispatcher("POST", "/ops/providers/sandbox/resume")

    await provider.holds(7)
    changes = await rows("SELECT action, token_name FROM ops_change ORDER BY id")
    assert [change["action"] for change in changes] == ["pause", "resume"]


async def test_an_unknown_provider_is_told_with_the_known_ones(dispatcher: Caller) -> None:
    reply = await dispatcher("POST", "/ops/providers/nobody/pause", {})

    assert reply.status == 404
    assert "sandbox" in reply.json["detail"]


async def test_a_story_holds_no_personal_data(dispatcher: Caller, upstream: Upstream, provider: Provider) -> None:
    await upstream.put(7, 1, first_name="Canaryname", email="canary@shop.test", phone_number="020 7946 0958")
    await provider.holds(7)

    async def settled() -> str | None:
        reply = await dispatcher("GET", "/ops/orders/7")
        return reply.content.decode().lower() if reply.json["lanes"][0]["applied_version"] == 1 else None

    text = await eventually(settled)
    assert text is not None
    assert not any(word in text for word in ("canary", "7946 0958", "79460958"))


async def test_rule_37_who_looks_waits_no_longer_than_ops_may_and_deliveries_go_on(
    settings: Settings, ops_token: str, upstream: Upstream, provider: Provider, dispatch_database: Database
) -> None:
    settings["dispatcher"]["ops_statement_timeout_s"] = 0.3
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(7, 1)
        await provider.holds(7)
        async with dispatch_database.transaction() as connection:
            await connection.execute("LOCK TABLE rejected_event IN ACCESS EXCLUSIVE MODE")
            answers = await asyncio.gather(*(ops("GET", "/ops/rejected") for _ in range(8)))
            await upstream.put(7, 2, first_name="Newer")
            await provider.holds(7, version=2)
        assert [answer.status for answer in answers] == [503] * 8
        assert (await ops("GET", "/ops/rejected")).status == 200
