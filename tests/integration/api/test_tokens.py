"""Tokens: made, listed and revoked by command; expiry, last use, how soon a revocation is known; rate limits."""

import asyncio
import json
from typing import Any

import pytest
from infra.bodies import order
from infra.command import sendto
from infra.eventually import eventually
from infra.serving import Caller, served
from integration.api.conftest import MakeToken
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.permissions import KNOWN


async def _token(api_url: str, *arguments: str) -> str:
    env = {"SENDTO_API__DATABASE_URL": api_url}
    done = await asyncio.to_thread(lambda: sendto("token", *arguments, env=env))
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


async def _status(api: Caller, token: str, path: str = "/v3/orders") -> int:
    return (await api.with_token(token)("GET", path)).status


async def test_a_token_is_made_listed_used_and_revoked(api: Caller, api_url: str, api_database: Database) -> None:
    token = await _token(api_url, "create", "--permissions", "orders:read", "--name", "shop", "--quiet")
    assert await _status(api, token) == 200

    [shop] = [row for row in json.loads(await _token(api_url, "list", "--json")) if row["name"] == "shop"]
    assert shop["last_used_at"]
    assert "last used" in await _token(api_url, "list")
    assert token not in json.dumps(shop)
    async with api_database.connection() as connection:
        stored = await connection.fetchrow("SELECT * FROM api_token WHERE name = 'shop'")
    assert stored is not None
    assert token.encode() not in stored["hash"]

    await _token(api_url, "revoke", "shop")

    assert await _status(api, token) == 401
    assert "revoked" in await _token(api_url, "list")


async def test_a_revocation_is_known_at_once_though_tokens_are_cached(
    api_url: str, api_database: Database, make_token: MakeToken
) -> None:
    """The news comes by NOTIFY: with a cache of a minute nothing else could tell."""
    section = ApiSection(database_url=SecretStr(api_url), port=0, token_cache_s=60)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        api = Caller(url)
        token = await make_token("*")
        assert await _status(api, token) == 200
        async with api_database.connection() as connection:
            await connection.execute("UPDATE api_token SET revoked_at = now()")
        assert await _status(api, token) == 200

        async def refused() -> bool:
            async with api_database.connection() as connection:
                await connection.execute("SELECT pg_notify('sendto_tokens', '')")
            return await _status(api, token) == 401

        await eventually(refused, 30)
        await api.close()


async def test_an_expired_token_is_refused_also_from_the_cache(
    api: Caller, api_url: str, api_database: Database
) -> None:
    token = await _token(api_url, "create", "--permissions", "*", "--expires-in-s", "3600", "--quiet")
    assert await _status(api, token) == 200
    async with api_database.connection() as connection:
        await connection.execute("UPDATE api_token SET expires_at = now() - interval '1 second'")

    async def refused() -> bool:
        return await _status(api, token) == 401

    await eventually(refused)
    assert "expired" in await _token(api_url, "list")


@pytest.mark.parametrize("word", KNOWN)
async def test_every_word_grants_what_it_says(api: Caller, make_token: MakeToken, word: str) -> None:
    made = (await api("POST", "/v3/orders", order())).json["order_id"]
    granted = {
        "orders_read": "r",
        "orders:read": "r",
        "orders_write": "w",
        "orders:write": "w",
        "orders_customer_write": "c",
        "orders:*": "rwc",
        "*": "rwc",
    }[word]
    caller = api.with_token(await make_token(word))

    statuses = {
        "r": (await caller("GET", f"/api/orders/{made}")).status,
        "w": (await caller("PATCH", f"/api/orders/{made}", {})).status,
        "c": (await caller("PUT", f"/api/orders/{made}/customer", {})).status,
    }

    assert {letter for letter, status in statuses.items() if status != 403} == set(granted)


async def test_the_typing_mistake_of_the_reference_grants_nothing(api: Caller, make_token: MakeToken) -> None:
    """[T] says `orders:reead` where it means `orders:read`."""
    assert await _status(api, await make_token("orders:reead")) == 403


async def test_an_unknown_word_is_refused_when_a_token_is_made(api_url: str) -> None:
    env = {"SENDTO_API__DATABASE_URL": api_url}
    arguments = ("token", "create", "--permissions", "orders:reead")

    assert (await asyncio.to_thread(lambda: sendto(*arguments, env=env))).returncode == 2


async def test_a_limited_token_is_told_when_to_come_again(api_url: str, make_token: MakeToken) -> None:
    section = ApiSection(database_url=SecretStr(api_url), port=0, rate_limit="2/h")
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        api, other = Caller(url, await make_token("*")), Caller(url, await make_token("*"))
        replies: list[Any] = [
            await api("GET", "/v3/orders"),
            await api("GET", "/v3/orders/7"),
            await api("GET", "/v3/orders"),
        ]

        assert [reply.status for reply in replies] == [200, 404, 429]
        assert [reply.headers["ratelimit"].partition(";t=")[0] for reply in replies] == [
            '"token";r=1',
            '"token";r=0',
            '"token";r=0',
        ]
        assert {reply.headers["ratelimit-policy"] for reply in replies} == {'"token";q=2;w=3600'}
        assert 0 < int(replies[2].headers["retry-after"]) <= 3600
        assert replies[2].json["code"] == "rate_limited"
        assert (await other("GET", "/v3/orders")).status == 200
        assert "ratelimit" not in (await api.with_token(None)("GET", "/healthz")).headers
        await api.close()
