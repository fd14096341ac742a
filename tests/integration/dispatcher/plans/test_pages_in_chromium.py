"""Every page and action of the console in Chromium, over a million lanes while deliveries run."""

import asyncio

import pytest
from infra.browser import page
from infra.console import Walk, sign_in
from integration.dispatcher.conftest import Settings, dispatching

from sendto.runtime.database import Database
from sendto_dispatcher.ops.cursors import to_cursor
from sendto_dispatcher.store.listing import Place
from sendto_dispatcher.store.tokens import create_token

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("million_lanes")]

DEEP = f"/lanes?state=all&cursor={to_cursor(Place(900_000))}"


def _walk(url: str, token: str) -> None:
    with page(url) as opened:
        sign_in(opened, token)
        walk = Walk(opened, url, "sandbox")
        walk.look_at_every_page("/orders/4711", DEEP)
        walk.page_deeper("all", pages=5)
        walk.page_deeper("resting", pages=3)
        walk.steer_one_lane()
        walk.take_rejected()
        walk.apply_routes()
        walk.pause_and_resume()
        walk.replay_many("dead", cancelled=True)
        walk.resume()
        walk.find_what_was_done("pause", "resume", "replay", "replay cancelled", "retry", "personal data shown")


async def test_a_walk_through_the_console_of_a_million_lanes(
    settings: Settings, million_url: str, million: Database
) -> None:
    settings["dispatcher"]["database_url"] = million_url
    async with million.connection() as connection:
        token = await create_token(connection, name="large", permissions=["*"])
    async with dispatching(settings, token) as ops:
        await asyncio.to_thread(_walk, ops.url, token)
