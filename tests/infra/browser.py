"""Chromium, driven as a person would use it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from infra.tools import tool


@contextmanager
def page(url: str) -> Iterator[Page]:
    """A page in a fresh Chromium; anything that it complains of on its console fails the test."""
    complaints: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        try:
            opened = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
            opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            opened.on("pageerror", lambda error: complaints.append(str(error)))
            opened.goto(url)
            yield opened
        finally:
            browser.close()
    assert complaints == []
