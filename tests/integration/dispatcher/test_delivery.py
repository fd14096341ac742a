"""What upstream systems publish arrives at the provider, and only the newest of it stays."""

import json

import pytest
from infra.events import SOURCE, Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows

pytestmark = pytest.mark.usefixtures("dispatcher")


async def test_a_customer_arrives_changes_and_goes(upstream: Upstream, provider: Provider) -> None:
    await upstream.put(7, 1, kind="created", phone_number="020 7946 0958")
    held = await provider.holds(7, version=1, first_name="Ada")
    assert held["phone"] == "+442079460958"

    await upstream.put(7, 2, first_name="Augusta")
    await provider.holds(7, version=2, first_name="Augusta", phone=None)

    await upstream.delete(7, 3)
    await provider.lacks(7)
    assert await provider.count() == 0


async def test_structured_events_are_read_too(upstream: Upstream, provider: Provider) -> None:
    event = {
        "specversion": "1.0",
        "id": "s-1",
        "source": SOURCE,
        "type": "customer.created",
        "orderversion": 5,
        "datacontenttype": "application/json",
        "data": {"order_id": 8, "customer": {"first_name": "Grace", "last_name": "Hopper"}},
    }

    headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    await upstream.raw(b"8", json.dumps(event).encode(), headers)

    await provider.holds(8, version=5, first_name="Grace")


async def test_a_tombstone_deletes(upstream: Upstream, provider: Provider) -> None:
    await upstream.put(9, None, kind="created")
    await provider.holds(9)

    await upstream.raw(b"9", None, [("ce_source", SOURCE.encode())])

    await provider.lacks(9)


async def test_stale_and_repeated_events_are_dropped_also_after_a_delete(
    upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await upstream.put(7, 5, first_name="Newest")
    await provider.holds(7, version=5)
    await upstream.put(7, 4, first_name="Stale")
    await upstream.put(7, 5, first_name="Repeated")
    await upstream.delete(7, 6)
    await provider.lacks(7)
    await upstream.put(7, 5, first_name="Late")
    await upstream.put(8, 1)
    await provider.holds(8)

    async def all_taken() -> list[str] | None:
        found = [
            row["verdict"] for row in await rows("SELECT verdict FROM intake_event WHERE order_id = 7 ORDER BY id")
        ]
        return found if len(found) == 5 else None

    assert await eventually(all_taken) == ["counted", "stale", "repeated", "counted", "stale"]
    assert await provider.get(7) is None
    assert [entry["version"] for entry in await provider.log(7)] == [5, 6]


async def test_many_updates_while_the_provider_is_down_become_one_call(
    upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await upstream.put(7, 1)
    await provider.holds(7, version=1)
    await provider.behave(errors={503: 1.0})
    for version in range(2, 12):
        await upstream.put(7, version, first_name=f"Version {version}")

    async def taken() -> bool:
        return bool(await rows("SELECT 1 FROM order_state WHERE order_id = 7 AND version = 11"))

    await eventually(taken)
    await provider.behave()
    await provider.holds(7, version=11, first_name="Version 11")

    applied = [entry["version"] for entry in await provider.log(7) if entry["status"] in {200, 201}]
    assert applied[0] == 1
    assert applied[-1] == 11
    assert len(applied) == 2


async def test_an_update_that_changes_nothing_sent_makes_no_call(
    upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await upstream.put(7, 1, email="ada@shop.test")
    await provider.holds(7, version=1)

    await upstream.put(7, 2, email="ada@shop.test")

    async def converged() -> bool:
        return bool(await rows("SELECT 1 FROM lane WHERE applied_version = 2 AND due_at IS NULL"))

    await eventually(converged)
    assert [entry["version"] for entry in await provider.log(7)] == [1]


async def test_a_create_and_a_delete_that_were_never_sent_make_no_call(
    upstream: Upstream, provider: Provider, dispatcher: Caller, rows: Rows
) -> None:
    assert (await dispatcher("POST", "/ops/providers/sandbox/pause", {"reason": "test"})).status == 204
    await upstream.put(7, 1)
    await upstream.delete(7, 2)

    async def taken() -> bool:
        return bool(await rows("SELECT 1 FROM order_state WHERE order_id = 7 AND version = 2"))

    await eventually(taken)
    assert (await dispatcher("POST", "/ops/providers/sandbox/resume")).status == 204
    await upstream.put(8, 1)
    await provider.holds(8)

    async def converged() -> bool:
        return not await rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL")

    await eventually(converged)
    assert await provider.log(7) == []
