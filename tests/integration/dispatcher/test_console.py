"""Who the console lets in, and what it refuses, as bytes on the wire."""

import asyncio
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import create_token, revoke_token

PAGES = ("/", "/lanes", "/attempts", "/replays", "/rejected", "/changes", "/configuration", "/orders/7")
OURS = {"Sec-Fetch-Site": "same-origin"}


class Answer(NamedTuple):
    """What came back, no redirect followed."""

    status: int
    headers: Mapping[str, str]
    text: str


async def _ask(
    dispatcher: Caller,
    method: str,
    path: str,
    token: str | None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    def ask() -> Answer:
        connection = HTTPConnection(urlsplit(dispatcher.url).netloc, timeout=60)
        sent = dict(OURS if headers is None else headers)
        if token is not None:
            sent["Cookie"] = f"sendto_ops={token}"
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form or {}), sent)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, named, response.read().decode())
        connection.close()
        return answer

    return await asyncio.to_thread(ask)


async def _token(database: Database, *permissions: str) -> str:
    async with database.connection() as connection:
        return await create_token(connection, name="-".join(permissions), permissions=permissions)


async def test_nobody_is_let_in_without_a_token_and_everybody_with_one(dispatcher: Caller, ops_token: str) -> None:
    for path in PAGES:
        for token in (None, "", "sendto_ops_wrong", "x" * 5000):
            asked = await _ask(dispatcher, "GET", path, token)
            assert (asked.status, asked.headers["location"][:14]) == (303, "/sign-in?next=")

        page = await _ask(dispatcher, "GET", path, ops_token)

        assert page.status == 200
        assert "<h1>" in page.text
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http:" not in page.text.replace(dispatcher.url, "")
        assert "<style" not in page.text
        assert " style=" not in page.text


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    dispatcher: Caller, ops_token: str, dispatch_database: Database
) -> None:
    form = {"token": ops_token, "next": "/lanes?state=dead"}
    entered = await _ask(dispatcher, "POST", "/sign-in", None, form)
    assert (entered.status, entered.headers["location"]) == (303, "/lanes?state=dead")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()

    elsewhere = await _ask(dispatcher, "POST", "/sign-in", None, form | {"next": "//evil.test/"})
    assert elsewhere.headers["location"] == "/"
    weak = await _token(dispatch_database, "deliveries:read")
    refused = await _ask(dispatcher, "POST", "/sign-in", None, {"token": weak})
    assert refused.status == 403
    assert "set-cookie" not in refused.headers
    assert "does not let you in" in refused.text
    left = await _ask(dispatcher, "POST", "/sign-out", ops_token, {})
    assert 'sendto_ops="";' in left.headers["set-cookie"]


async def test_a_form_of_another_site_is_refused(dispatcher: Caller, ops_token: str, rows: Rows) -> None:
    origins: tuple[Mapping[str, str], ...] = (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": dispatcher.url},
    )
    for path in ("/providers/sandbox/pause", "/sign-in", "/sign-out", "/orders/7/customer", "/replays"):
        for headers in origins:
            answer = await _ask(dispatcher, "POST", path, ops_token, {"token": ops_token}, headers)
            assert answer.status == 403, (path, headers)
    assert await rows("SELECT 1 FROM ops_change") == []


async def test_an_old_browser_s_form_of_ours_is_taken(dispatcher: Caller, ops_token: str) -> None:
    headers = {"Origin": dispatcher.url}

    assert (await _ask(dispatcher, "POST", "/providers/sandbox/pause", ops_token, {}, headers)).status == 303


async def test_who_may_only_look_changes_nothing_and_sees_nobody(
    dispatcher: Caller, dispatch_database: Database, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await upstream.put(7, 1, first_name="Canaryname", email="canary@shop.test")
    await provider.holds(7)
    reader = await _token(dispatch_database, "ops:read")
    for path in ("/providers/sandbox/pause", "/orders/7/replay", "/lanes/1/retry", "/replays", "/orders/7/customer"):
        answer = await _ask(dispatcher, "POST", path, reader, {"provider": "sandbox"})
        assert answer.status == 403, path
        assert "lacks the permission" in answer.text
    for path in PAGES:
        assert "canary" not in (await _ask(dispatcher, "GET", path, reader)).text.lower()
    assert await rows("SELECT 1 FROM ops_change") == []

    allowed = await _token(dispatch_database, "ops:read", "personal:read")
    shown = await _ask(dispatcher, "POST", "/orders/7/customer", allowed, {})

    assert shown.status == 200
    assert "Canaryname" in shown.text
    assert await rows("SELECT token_name, action, target FROM ops_change") == [
        {"token_name": "ops:read-personal:read", "action": "personal data shown", "target": {"order_id": 7}}
    ]


async def test_what_is_not_there_is_a_page_that_says_so(dispatcher: Caller, ops_token: str) -> None:
    for path in ("/providers/nobody", "/orders/abc", "/orders/0", "/static/../pages.py", "/static/nothing.js"):
        answer = await _ask(dispatcher, "GET", path, ops_token)
        assert answer.status == 404, path
    assert (await _ask(dispatcher, "GET", "/lanes?state=odd", ops_token)).status == 422
    assert (await _ask(dispatcher, "GET", "/lanes?cursor=odd", ops_token)).status == 422
    wrong = await _ask(dispatcher, "POST", "/replays", ops_token, {"provider": "sandbox", "changed_after": "soon"})
    assert (wrong.status, "changed_after" in wrong.text) == (422, True)
    assert (await _ask(dispatcher, "POST", "/replays/99/cancel", ops_token, {})).status == 404
    large = await _ask(dispatcher, "POST", "/providers/sandbox/pause", ops_token, {"reason": "x" * 20_000})
    assert large.status == 413


async def test_a_page_says_what_it_was_asked_for(dispatcher: Caller, ops_token: str) -> None:
    """Or somebody takes the part that is shown for the whole."""
    all_of_them = await _ask(dispatcher, "GET", "/attempts", ops_token)
    chosen = await _ask(dispatcher, "GET", "/attempts?provider=acme&failed=1", ops_token)

    assert "checked" not in all_of_them.text
    assert ('name="provider" value="acme"' in chosen.text, 'value="1" checked>' in chosen.text) == (True, True)


async def test_a_change_is_told_with_the_provider_first(dispatcher: Caller, ops_token: str) -> None:
    await dispatcher("POST", "/ops/providers/sandbox/pause", {"reason": "they move"})

    changes = await _ask(dispatcher, "GET", "/changes", ops_token)

    assert ">provider sandbox, reason they move<" in changes.text


async def test_text_from_outside_is_shown_as_text(
    dispatcher: Caller, ops_token: str, upstream: Upstream, rows: Rows
) -> None:
    await upstream.publish(7, "customer.<script>alert(1)</script>", 1, {"order_id": 7})

    async def rejected() -> bool:
        return bool(await rows("SELECT 1 FROM rejected_event"))

    await eventually(rejected)
    await _ask(dispatcher, "POST", "/providers/sandbox/pause", ops_token, {"reason": "<img src=x onerror=alert(1)>"})

    pages = [(await _ask(dispatcher, "GET", path, ops_token)).text for path in (*PAGES, "/providers/sandbox")]
    record = await _ask(dispatcher, "POST", "/rejected/1/record", ops_token, {})

    assert any("&lt;img" in page for page in pages)
    assert "&lt;script&gt;" in record.text
    for page in (*pages, record.text):
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_a_page_that_updates_itself_ends_when_the_token_is_revoked(
    dispatcher: Caller, dispatch_database: Database
) -> None:
    token = await _token(dispatch_database, "ops:read")
    following = asyncio.create_task(_ask(dispatcher, "GET", "/live/changes", token))

    async def seen() -> bool:
        async with dispatch_database.connection() as connection:
            used = await connection.fetchval("SELECT last_used_at FROM ops_token WHERE name = 'ops:read'")
        return used is not None

    await eventually(seen)
    async with dispatch_database.connection() as connection:
        assert await revoke_token(connection, "ops:read") == 1

    ended = await following

    assert ended.status in {200, 303}
