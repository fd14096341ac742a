"""`/docs` shows every call, and loads nothing from elsewhere."""

import asyncio
from urllib.parse import urlsplit

from infra.browser import page
from infra.serving import Caller
from playwright.sync_api import Request, expect

from sendto_api.app import described


def _look(url: str) -> tuple[list[str], int]:
    """What the page asked for, and how many calls it shows; one is opened to be sure that all of it is there."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    with page(f"{url}/docs") as opened:
        opened.on("request", note)
        opened.reload()
        calls = opened.locator(".opblock")
        expect(calls.first).to_be_visible()
        opened.get_by_text("Create an order, with its customer if the body has one").first.click()
        expect(opened.get_by_text("Needs the permission").first).to_be_visible()
        return asked, calls.count()


async def test_the_page_shows_every_call_and_loads_nothing_from_elsewhere(api: Caller) -> None:
    asked, shown = await asyncio.to_thread(_look, api.url)

    assert {urlsplit(one).netloc for one in asked if not one.startswith("data:")} == {urlsplit(api.url).netloc}
    assert f"{api.url}/openapi.json" in asked
    methods = [method for path in described()["paths"].values() for method in path if method != "parameters"]
    assert shown == len(methods)


async def test_the_page_may_load_nothing_from_elsewhere(api: Caller) -> None:
    reply = await api.with_token(None)("GET", "/docs")

    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert b"http" not in reply.content
