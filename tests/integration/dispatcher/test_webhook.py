"""The webhook adapter against a receiver on a socket that checks every signature (Standard Webhooks)."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from infra.events import SOURCE, Upstream
from infra.eventually import eventually
from infra.secret_settings import source_of
from infra.serving import served
from integration.dispatcher.conftest import FAST_RETRY, Rows, Settings, dispatching
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()


@dataclass
class Receiver:
    """Keeps the events whose signatures hold; answers what it is told to."""

    url: str = ""
    status: int = 204
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = (await receive())["body"]
        if scope["method"] == "POST":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            for secret in (SECRET, OLD_SECRET):
                Webhook(secret).verify(body, headers)
            assert headers["content-type"] == "application/cloudevents+json"
            self.ids.append(headers["webhook-id"])
            self.events.append(json.loads(body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def receiver(settings: Settings) -> AsyncIterator[Receiver]:
    """A receiver to which all orders go."""
    receiver = Receiver()
    async with served(receiver) as url:
        receiver.url = url
        settings["providers"] = {
            "shop": {
                "adapter": "webhook",
                "config": {"url": f"{url}/hook", "secrets": [source_of(SECRET), source_of(OLD_SECRET)]},
                "retry": FAST_RETRY,
            }
        }
        settings["routing"] = {"default": ["shop"]}
        yield receiver


async def test_signed_events_arrive_with_rising_sequence(
    upstream: Upstream, receiver: Receiver, settings: Settings
) -> None:
    async def received(count: int) -> bool:
        return len(receiver.events) >= count

    async with dispatching(settings):
        await upstream.put(7, 1, kind="created", mobile_number="07700 900123")
        await eventually(lambda: received(1))
        await upstream.put(7, 2, first_name="Augusta")
        await eventually(lambda: received(2))
        await upstream.delete(7, 3)
        await eventually(lambda: received(3))

    created, updated, deleted = receiver.events
    assert [event["type"] for event in receiver.events] == ["customer.created", "customer.updated", "customer.deleted"]
    assert [event["orderversion"] for event in receiver.events] == [1, 2, 3]
    assert created["source"] == SOURCE
    assert created["subject"] == "orders/7/customer"
    assert created["data"]["customer"]["mobile_e164"] == "+447700900123"
    assert updated["data"]["customer"]["first_name"] == "Augusta"
    assert deleted["data"] == {"order_id": 7}
    sequences = [int(event["sequence"]) for event in receiver.events]
    assert sequences == sorted(set(sequences))
    assert receiver.ids == [event["id"] for event in receiver.events]


async def test_a_repeated_attempt_has_the_same_id_and_a_fresh_signature(
    upstream: Upstream, receiver: Receiver, settings: Settings
) -> None:
    receiver.status = 500

    async def received() -> bool:
        return len(receiver.ids) >= 3

    async with dispatching(settings):
        await upstream.put(7, 1)
        await eventually(received)

    assert len(set(receiver.ids)) == 1


async def test_gone_holds_the_provider(upstream: Upstream, receiver: Receiver, settings: Settings, rows: Rows) -> None:
    receiver.status = 410
    async with dispatching(settings):
        await upstream.put(7, 1)

        async def held() -> list[dict[str, Any]]:
            return await rows("SELECT hold_reason FROM provider_state WHERE held_at IS NOT NULL")

        assert await eventually(held) == [{"hold_reason": "http_410"}]
        receiver.status = 204

        async def converged() -> list[dict[str, Any]]:
            return await rows("SELECT 1 FROM lane WHERE due_at IS NULL AND applied_present")

        await eventually(converged)
    assert not await rows("SELECT 1 FROM provider_state WHERE held_at IS NOT NULL")
