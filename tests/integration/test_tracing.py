"""One trace leads from the request through outbox, topic and intake to the provider's call."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from infra.bodies import customer, order
from infra.eventually import eventually
from infra.processes import Service, running
from infra.sandbox import Provider, sandbox
from infra.servers import free_port
from infra.serving import Caller, served
from infra.topics import read_all
from infra.traces import Collector, Seen, collecting

from sendto.runtime.database import Database
from sendto.runtime.settings import SettingsInvalid, TelemetrySettings, TopicSettings
from sendto.runtime.supervisor import Supervisor
from sendto.runtime.tracing import Kind, open_tracer
from sendto_api.app import Api
from sendto_api.settings import ApiSettings
from sendto_api.tokens.store import create_token as create_api_token
from sendto_dispatcher.app import Dispatcher
from sendto_dispatcher.settings import DispatcherSettings
from sendto_dispatcher.store.tokens import create_token as create_ops_token

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
PERSON = {"first_name": "Canaryname", "last_name": "Canarylast", "email": "canary@shop.test"}
NUMBER = "+447700900123"


@dataclass(frozen=True)
class Stack:
    """API, relay and dispatcher, each sending its spans to the collector."""

    api: Caller
    ops: Caller
    provider: Provider

    async def order(self, **headers: str) -> int:
        """A new order with a customer."""
        made = await self.api("POST", "/v3/orders", order(**PERSON, telephone=NUMBER))
        assert made.status == 201, made.content
        order_id = int(made.json["id"] if "id" in made.json else made.json["order_id"])
        await self.put(order_id, "Canaryname", **headers)
        return order_id

    async def put(self, order_id: int, first_name: str, **headers: str) -> None:
        """Store this customer."""
        body = customer(**PERSON | {"first_name": first_name, "phone_number": NUMBER})
        put = await self.api("PUT", f"/v3/orders/{order_id}/customer", body, headers)
        assert put.status in {200, 201}, put.content


@asynccontextmanager
async def stack(
    shared: dict[str, Any], api_url: str, dispatch_url: str, databases: tuple[Database, Database], folder: Path
) -> AsyncIterator[Stack]:
    async with databases[0].connection() as connection:
        api_token = await create_api_token(connection, name="test", permissions=["*"])
    async with databases[1].connection() as connection:
        ops_token = await create_ops_token(connection, name="test", permissions=["*"])
    port = free_port()
    env = {
        f"SENDTO_{section.upper()}__{name.upper()}": str(value)
        for section, settings in shared.items()
        for name, value in settings.items()
    } | {"SENDTO_API__DATABASE_URL": api_url, "SENDTO_RELAY__PORT": str(port)}
    relay = Service("relay", env, f"http://127.0.0.1:{port}", folder / "relay.log")
    async with sandbox(folder / "sandbox") as provider:
        api = Api(ApiSettings.model_validate(shared | {"api": {"database_url": api_url, "port": 0}}), Supervisor())
        settings = shared | {
            "dispatcher": {"database_url": dispatch_url, "port": 0, "digest_key": "key", "engine": {"drain_s": 3}},
            "providers": {"sandbox": {"adapter": "sandbox", "config": {"url": provider.url}}},
            "routing": {"default": ["sandbox"]},
        }
        dispatcher = Dispatcher(DispatcherSettings.model_validate(settings), folder)
        async with served(api.app()) as at, served(dispatcher.app()) as ops_at, running(relay):
            yield Stack(Caller(at, api_token), Caller(ops_at, ops_token), provider)
            await relay.end()


@pytest.fixture
def shared(kafka: str, topics: TopicSettings) -> dict[str, Any]:
    """What all of them are told."""
    return {"kafka": {"bootstrap_servers": kafka}, "topics": topics.model_dump()}


def _chain(collector: Collector, last: Seen) -> list[str]:
    """The names of the spans from the first to this one."""
    by_id = {one.id: one for one in collector.spans}
    names = [last.span.name]
    while last.parent in by_id:
        last = by_id[last.parent]
        names.insert(0, last.span.name)
    return [*names] if not last.parent else [last.parent, *names]


async def test_one_trace_leads_to_the_call_and_what_was_overtaken_is_linked(
    shared: dict[str, Any],
    api_url: str,
    dispatch_url: str,
    api_database: Database,
    dispatch_database: Database,
    topics: TopicSettings,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with collecting() as collector:
        shared["telemetry"] = {"otlp_endpoint": collector.url, "otlp_headers": "authorization=Bearer a-token,x=y"}
        async with stack(shared, api_url, dispatch_url, (api_database, dispatch_database), tmp_path) as running_stack:
            call, provider = running_stack, running_stack.provider
            order_id = await call.order(traceparent=GIVEN, **{"X-Request-Id": "ask-me"})
            await provider.holds(order_id, first_name="Canaryname")
            await call.ops("POST", "/ops/providers/sandbox/pause", {})
            for name in ("Canaryone", "Canarytwo", "Canarythree"):
                await call.put(order_id, name)

            async def all_taken() -> bool:
                story = (await call.ops("GET", f"/ops/orders/{order_id}")).json
                return len([one for one in story["events"] if one["verdict"] in {"counted", "folded"}]) >= 4

            await eventually(all_taken)
            await call.ops("POST", "/ops/providers/sandbox/resume")
            await provider.holds(order_id, first_name="Canarythree")
            unsampled = await call.order(traceparent=UNSAMPLED)
            await provider.holds(unsampled)

            async def settled() -> bool:
                story = (await call.ops("GET", f"/ops/orders/{unsampled}")).json
                return bool(story["lanes"][0]["applied_version"])

            await eventually(settled)
        written = "".join(capfd.readouterr())

    calls = [one for one in collector.of("dispatcher", "call sandbox") if one.attributes["sendto.order_id"] == order_id]
    by_operation = {one.attributes["sendto.operation"]: one for one in calls}
    put = "PUT /v3/orders/{order_id}/customer"
    way = [put, f"publish {topics.events}", f"process {topics.events}", "call sandbox"]
    assert _chain(collector, by_operation["create"]) == ["00f067aa0ba902b7", *way]
    assert by_operation["create"].trace == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert by_operation["create"].attributes["sendto.outcome"] == "applied"
    assert _chain(collector, by_operation["update"]) == way

    requests = [one for one in collector.of("api", put) if one.attributes["sendto.order_id"] == str(order_id)]
    assert [one.attributes["http.response.status_code"] for one in requests] == [201, 200, 200, 200]
    overtaken = {one.trace for one in requests[1:3]}
    assert set(by_operation["update"].links) == overtaken

    assert not [one for one in collector.spans if one.trace == UNSAMPLED.split("-")[1]]
    assert not any(word in collector.raw.lower() for word in (b"canary", b"shop.test", NUMBER[3:].encode()))
    assert {(given["authorization"], given["x"]) for given in collector.headers} == {("Bearer a-token", "y")}
    line = next(line for line in written.splitlines() if "ask-me" in line and "request" in line)
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in line
    attempts = [line for line in written.splitlines() if "attempt" in line and "operation=create" in line]
    assert any("4bf92f3577b34da6a3ce929d0e0e4736" in line for line in attempts)


async def test_without_an_endpoint_the_context_is_passed_on_as_it_came(
    shared: dict[str, Any],
    kafka: str,
    api_url: str,
    dispatch_url: str,
    api_database: Database,
    dispatch_database: Database,
    topics: TopicSettings,
    tmp_path: Path,
) -> None:
    async with stack(shared, api_url, dispatch_url, (api_database, dispatch_database), tmp_path) as running_stack:
        order_id = await running_stack.order(traceparent=GIVEN)
        await running_stack.provider.holds(order_id)

    carried = [dict(record.headers).get("traceparent") for record in await read_all(kafka, topics.events)]
    assert GIVEN.encode() in carried


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    code = """
import json, sys
import sendto_api.app, sendto_api.relay_app, sendto_dispatcher.app
from sendto.runtime.settings import TelemetrySettings
from sendto.runtime.tracing import open_tracer
assert open_tracer(TelemetrySettings(), service="api") is None
print(json.dumps([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []


async def test_a_collector_that_is_away_costs_spans_only() -> None:
    tracer = open_tracer(TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{free_port()}"), service="api")
    assert tracer is not None
    span = tracer.begin("one", Kind.SERVER, parent="garbage")
    span.tell({"sendto.order_id": 1, "sendto.reason": None})
    span.end(failed="server error")
    assert span.traceparent.startswith("00-")
    await asyncio.to_thread(tracer.close)


def test_an_endpoint_without_what_it_takes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendto.runtime.tracing.find_spec", lambda _: None)
    with pytest.raises(SettingsInvalid, match="pip install 'sendto\\[tracing\\]'"):
        open_tracer(TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318"), service="api")
