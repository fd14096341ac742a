"""An audit reads back what the provider holds, says what differs, and mends it under a new generation."""

import asyncio
import json
from typing import Any

import pytest
from infra.command import sendto
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

Page = dict[str, Any]


async def _converged(rows: Rows, count: int) -> None:
    async def settled() -> bool:
        return len(await rows("SELECT 1 FROM lane WHERE due_at IS NULL")) == count

    await eventually(settled)


async def _audit(caller: Caller, **asked: Any) -> Page:
    reply = await caller("POST", "/ops/providers/sandbox/audit", asked)
    assert reply.status == 200, reply.content
    page: Page = reply.json
    return page


async def _spoil(provider: Provider, rows: Rows, upstream: Upstream) -> Caller:
    """Orders 1 to 6; then, behind our back, 2 is changed, 3 is deleted, and 5, which we deleted, comes back."""
    for order_id in range(1, 7):
        await upstream.put(order_id, 1)
    for order_id in range(1, 7):
        await provider.holds(order_id)
    await upstream.delete(5, 2)
    await provider.lacks(5)
    await _converged(rows, 6)
    theirs = Caller(provider.url)
    held = await provider.get(2)
    assert held is not None
    await theirs("PUT", "/v1/recipients/2", held | {"first_name": "Eve", "order": {"order_type": "collection"}})
    await theirs("DELETE", "/v1/recipients/3")
    await theirs("PUT", "/v1/recipients/5", held | {"reference": "5"})
    return theirs


async def test_differences_are_told_and_mended(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as caller:
        theirs = await _spoil(provider, rows, upstream)
        before = len(await provider.log())

        page = await _audit(caller)

        found = {one["order_id"]: (one["drift"], one["repaired"]) for one in page["found"]}
        assert found == {2: ("differs", False), 3: ("missing", False), 5: ("remains", False)}
        assert (page["compared"], page["under_way"], page["unreadable"], page["next_after"]) == (6, 0, 0, None)
        differing = next(one["fields"] for one in page["found"] if one["order_id"] == 2)
        assert differing == ["first_name", "order.order_type"]
        assert "Eve" not in json.dumps(page)
        assert len(await provider.log()) == before

        mended = await _audit(caller, repair=True)
        assert {one["order_id"] for one in mended["found"] if one["repaired"]} == {2, 3, 5}
        await provider.holds(2, first_name="Ada")
        await provider.holds(3, first_name="Ada")
        await provider.lacks(5)
        await _converged(rows, 6)
        assert (await _audit(caller))["found"] == []
        [change] = await rows("SELECT lanes FROM ops_change WHERE action = 'audit'")
        assert change["lanes"] == 3
        await theirs.close()
    assert await provider.count() == 5


async def test_the_command_goes_through_all_pages_and_fails_while_something_differs(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as caller:
        theirs = await _spoil(provider, rows, upstream)
        env = {"SENDTO_DISPATCHER_URL": caller.url, "SENDTO_OPS_TOKEN": ops_token}

        told = await asyncio.to_thread(sendto, "audit", "--provider", "sandbox", env=env)
        assert told.returncode == 1
        assert b"order 2  lane" in told.stdout
        assert b"differs in first_name, order.order_type" in told.stdout
        assert b"6 compared, 3 differ, 0 of them are delivered again" in told.stdout
        mended = await asyncio.to_thread(sendto, "audit", "--provider", "sandbox", "--repair", "--json", env=env)
        assert mended.returncode == 0, mended.stderr
        assert len(json.loads(mended.stdout)["found"]) == 3
        planned = await asyncio.to_thread(sendto, "plan", "2", env=env)
        assert planned.returncode == 0
        assert b"PUT http://127.0.0.1" in planned.stdout
        assert b"Ada" not in planned.stdout
        await theirs.close()


async def test_it_keeps_to_the_rate_limit_and_goes_on_where_it_was(
    settings: Settings, upstream: Upstream, rows: Rows, ops_token: str
) -> None:
    settings["providers"]["sandbox"]["limits"] = {"rate": "20/s", "burst": 2}
    async with dispatching(settings, ops_token) as caller:
        for order_id in range(1, 6):
            await upstream.put(order_id, 1)
        await _converged(rows, 5)
        compared, after, pages = 0, 0, 0
        while after is not None:
            page = await _audit(caller, after=after, limit=2, time_s=5)
            compared, after, pages = compared + page["compared"], page["next_after"], pages + 1
        assert (compared, pages) == (5, 3)

        # A page that has no time for the rate limit ends where it is.
        settled = await _audit(caller, time_s=0.0001)
        assert (settled["compared"], settled["next_after"]) == (0, 0)


async def test_what_is_under_way_is_left_alone_and_a_stopped_provider_is_not_asked(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as caller:
        await provider.behave(errors={422: 1.0}, references=["8"])
        await upstream.put(7, 1)
        await upstream.put(8, 1)
        await _converged(rows, 2)
        page = await _audit(caller, repair=True)
        assert (page["compared"], page["under_way"], page["found"]) == (1, 1, [])

        await caller("POST", "/ops/providers/sandbox/pause", {})
        refused = await caller("POST", "/ops/providers/sandbox/audit", {})
        assert (refused.status, "it is not asked" in refused.json["detail"]) == (409, True)


async def test_what_cannot_be_read_is_counted_and_never_mended(
    settings: Settings,
    upstream: Upstream,
    provider: Provider,
    rows: Rows,
    ops_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sendto.sdk import Http, HttpRequest, HttpResponse, RemoteRef, RemoteState
    from sendto_dispatcher.adapters.sandbox import SandboxAdapter

    class Unwell:
        def __init__(self, http: Http) -> None:
            self._http = http

        async def send(self, request: HttpRequest) -> HttpResponse:
            await self._http.send(request)
            return HttpResponse(500)

    right = SandboxAdapter.fetch

    async def fetch(adapter: SandboxAdapter, remote: RemoteRef, http: Http) -> RemoteState | None:
        return await right(adapter, remote, Unwell(http))

    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1)
        await _converged(rows, 1)
        monkeypatch.setattr(SandboxAdapter, "fetch", fetch)

        page = await _audit(caller, repair=True)

        assert (page["compared"], page["unreadable"], page["found"]) == (0, 1, [])
    assert [entry["version"] for entry in await provider.log()] == [1]
