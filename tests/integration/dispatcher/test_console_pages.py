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
