"""Every page and action of the console in Chromium, over two hundred lanes in every state."""

import asyncio

from infra.browser import page
from infra.console import Walk, sign_in
from infra.filled import fill
from integration.dispatcher.conftest import Settings, dispatching

from sendto.runtime.database import Database

LANES = 200


def _walk(url: str, token: str) -> None:
    with page(url) as opened:
        sign_in(opened, token)
        walk = Walk(opened, url, "sandbox")
        walk.pause_and_resume()
        walk.replay_many("dead", cancelled=False)
        walk.look_at_every_page("/orders/90", "/lanes?state=resting&provider=rare")
        walk.reach_by_keyboard()
        walk.page_deeper("all", pages=3)
        walk.resume()
        walk.steer_one_lane()
        walk.take_rejected()
        walk.apply_routes()
        walk.audit()
        walk.find_what_was_done("pause", "resume", "replay", "retry", "personal data shown")


async def test_a_walk_through_the_console(settings: Settings, ops_token: str, dispatch_database: Database) -> None:
    connection = await dispatch_database.direct()
    await fill(connection, LANES)
    await connection.close()
    async with dispatching(settings, ops_token) as ops:
        await asyncio.to_thread(_walk, ops.url, ops_token)


def _walk_further(url: str, token: str) -> None:
    with page(url) as opened:
        sign_in(opened, token)
        walk = Walk(opened, url, "sandbox")
        walk.find_unrouted(LANES + 1)
        walk.rename("provider 1", "renamed")
        walk.apply_and_cancel_routes()
        walk.reset_source("/shop/upstream", LANES + 1)
        walk.find_what_was_done("rename", "routes applied", "routes cancelled", "source reset")


async def test_names_routes_and_sources_are_steered_in_the_console(
    settings: Settings, ops_token: str, dispatch_database: Database
) -> None:
    """The routes lead to a provider that takes an order an hour, so that applying them goes on until it is ended."""
    settings["providers"]["hourly"] = settings["providers"]["sandbox"] | {"limits": {"rate": "1/h"}}
    settings["routing"] = {"default": ["hourly"]}
    connection = await dispatch_database.direct()
    await fill(connection, LANES)
    await connection.execute(
        "INSERT INTO order_state SELECT (s).* FROM (SELECT jsonb_populate_record(one, $1) AS s FROM order_state one"
        " WHERE order_id = 1) AS changed",
        {"order_id": LANES + 1, "route": "unrouted", "providers": [], "order_snapshot": {"order_type": "collection"}},
    )
    await connection.close()
    async with dispatching(settings, ops_token) as ops:
        await asyncio.to_thread(_walk_further, ops.url, ops_token)
