"""Ops ask before anything is sent: where an order would go, and whether a provider can be used."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from infra.command import sendto
from infra.events import SOURCE, Upstream
from infra.eventually import eventually
from infra.sandbox import Provider, sandbox
from infra.secret_settings import source_of
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching
from integration.dispatcher.test_webhook import SECRET

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import create_token

PERSON = ("Ada", "Lovelace", "ada@shop.test", "7946 0958", "79460958", "Baker")
ORDER = {"order_type": "delivery", "address": {"address_1": "221B Baker Street", "country": "GB"}}


async def _lane_settled(rows: Rows, order_id: int) -> None:
    async def settled() -> bool:
        return bool(await rows("SELECT 1 FROM lane WHERE order_id = $1 AND due_at IS NULL", order_id))

    await eventually(settled)


async def _plan(caller: Caller, order_id: int, query: str = "") -> dict[str, Any]:
    reply = await caller("GET", f"/ops/orders/{order_id}/plan{query}")
    assert reply.status == 200, reply.content
    plan: dict[str, Any] = reply.json
    return plan


async def test_the_exact_request_is_shown_masked_and_nothing_is_sent(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, ops_token: str
) -> None:
    settings["providers"]["sandbox"] |= {"shadow": True}
    settings["providers"]["sandbox"]["config"]["token"] = source_of("a-very-secret-token")
    settings["providers"]["shop"] = {
        "adapter": "webhook",
        "config": {"url": "https://shop.example/hook", "secrets": [source_of(SECRET)]},
        "shadow": True,
    }
    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1, phone_number="020 7946 0958", order=ORDER)
        await _lane_settled(rows, 7)
        plan = await _plan(caller, 7)
        told = json.dumps(plan)
        [lane] = plan["lanes"]
        assert (lane["provider"], lane["reference"], lane["does"], lane["shadow"]) == ("sandbox", "7", "create", True)
        assert plan["sources"] == [{"source": SOURCE, "present": True, "route": "default", "providers": ["sandbox"]}]
        assert (lane["requests"][0]["method"], lane["requests"][0]["url"]) == ("PUT", f"{provider.url}/v1/recipients/7")
        assert lane["requests"][0]["body"]["reference"] == "7"
        assert lane["requests"][0]["body"]["first_name"] == "***"
        assert not [word for word in (*PERSON, "secret-token") if word in told]

        personal = (await _plan(caller, 7, "?personal=true"))["lanes"][0]["requests"][0]["body"]
        assert (personal["first_name"], personal["phone"]) == ("Ada", "+442079460958")
        assert "secret-token" not in json.dumps(personal)
        [change] = await rows("SELECT token_name, target FROM ops_change WHERE action = 'plan_personal'")
        assert change["token_name"] == "test"

        await upstream.put(8, 1, order=ORDER | {"shipment_provider": "shop"})
        await _lane_settled(rows, 8)
        [other] = (await _plan(caller, 8))["lanes"]
        assert other["requests"][0]["headers"]["webhook-signature"] == "***"
        assert other["requests"][0]["body"]["data"]["customer"]["first_name"] == "***"
        assert other["requests"][0]["body"]["type"] == "customer.created"
        assert (await caller("GET", "/ops/orders/9/plan")).status == 404

    assert await provider.log() == []
    settings["providers"]["sandbox"]["enabled"] = False
    settings["routing"]["default"] = ["shop"]
    async with dispatching(settings, ops_token) as caller:
        plan = await _plan(caller, 7)
        assert plan["sources"][0]["providers"] == ["shop"]
        lanes = {lane["provider"]: lane for lane in plan["lanes"]}
        assert lanes["sandbox"]["does"] == "nothing"
        assert (lanes["shop"]["known"], lanes["shop"]["does"]) == (False, "create")


async def test_personal_data_needs_a_token_that_may_act(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, dispatch_database: Database
) -> None:
    async with dispatch_database.connection() as connection:
        reader = await create_token(connection, name="reader", permissions=["ops:read"])
    async with dispatching(settings, reader) as caller:
        await upstream.put(7, 1)
        await provider.holds(7)
        await _lane_settled(rows, 7)
        assert (await _plan(caller, 7))["lanes"][0]["does"] == "update"
        assert (await caller("GET", "/ops/orders/7/plan?personal=true")).status == 403
        assert (await caller("POST", "/ops/providers/sandbox/check")).status == 403
        assert (await caller("POST", "/ops/providers/sandbox/audit", {})).status == 403
    assert await rows("SELECT 1 FROM ops_change") == []


async def _checked(caller: Caller, name: str) -> tuple[str, ...]:
    found = (await caller("POST", f"/ops/providers/{name}/check")).json
    return found["verdict"], found["address"], found["credentials"], found["permission"]


async def test_address_credentials_and_permission_are_told_apart(
    settings: Settings, ops_token: str, tmp_path: Path
) -> None:
    async with sandbox(tmp_path / "strict", "right") as strict:

        def at(url: str, token: str) -> dict[str, Any]:
            config = {"url": url, "token": source_of(token)}
            return {"adapter": "sandbox", "config": config, "limits": {"timeout_s": 2}}

        settings["providers"] |= {
            "good": at(strict.url, "right"),
            "refused": at(strict.url, "wrong"),
            "nowhere": at("http://127.0.0.1:9", "right"),
            "nameless": at("http://no-such-host.invalid", "right"),
            "other": at(f"{strict.url}/elsewhere", "right"),
        }
        async with dispatching(settings, ops_token) as caller:
            assert await _checked(caller, "good") == ("passes", "good", "good", "good")
            assert await _checked(caller, "refused") == ("unauthorized", "good", "bad", "unknown")
            assert await _checked(caller, "nowhere") == ("unreachable", "bad", "unknown", "unknown")
            assert await _checked(caller, "nameless") == ("unreachable", "bad", "unknown", "unknown")
            assert (await _checked(caller, "other"))[0] == "misconfigured"
            unknown = await caller("POST", "/ops/providers/nobody/check")
            assert (unknown.status, "served are: good" in unknown.json["detail"]) == (404, True)

            env = {"SENDTO_DISPATCHER_URL": caller.url, "SENDTO_OPS_TOKEN": ops_token}

            passed = await asyncio.to_thread(sendto, "providers", "check", "good", env=env)
            assert (passed.returncode, passed.stdout.split()) == (
                0,
                [b"address", b"good", b"credentials", b"good", b"permission", b"good"],
            )
            failed = await asyncio.to_thread(sendto, "providers", "check", "refused", env=env)
            assert failed.returncode == 1
            assert b"unauthorized (the token is not accepted)" in failed.stderr
        assert await strict.log() == []


async def test_no_secret_and_no_person_is_in_the_logs_the_history_or_the_metrics(
    settings: Settings,
    upstream: Upstream,
    rows: Rows,
    ops_token: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Refused credentials, a refused state, a provider that repeats what it was sent: nothing of it gets out."""
    secret = "a-secret-that-nobody-may-see"
    settings["log"] = {"level": "debug"}
    async with sandbox(tmp_path / "strict", secret) as strict:
        for name, token in (("good", secret), ("refused", f"{secret}-but-wrong")):
            settings["providers"][name] = {
                "adapter": "sandbox",
                "config": {"url": strict.url, "token": source_of(token)},
            }
        settings["routing"]["default"] = ["good", "refused"]
        await strict.behave(errors={422: 1.0}, references=["8"])
        async with dispatching(settings, ops_token) as caller:
            await upstream.put(7, 1, order=ORDER)
            await upstream.put(8, 1, order=ORDER)
            await strict.holds(7)

            async def told() -> bool:
                held = await rows("SELECT 1 FROM provider_state WHERE held_at IS NOT NULL")
                return bool(held) and bool(await rows("SELECT 1 FROM lane WHERE resting = 'dead'"))

            await eventually(told)
            metrics = (await caller("GET", "/metrics")).content.decode()
            story = json.dumps([(await caller("GET", f"/ops/orders/{order_id}")).json for order_id in (7, 8)])
    kept = json.dumps(
        [await rows(f"SELECT * FROM {table}") for table in ("attempt", "lane", "provider_state")], default=str
    )

    for place in ("".join(capfd.readouterr()), metrics, story, kept):
        assert place
        assert not [word for word in (*PERSON, secret) if word in place]
