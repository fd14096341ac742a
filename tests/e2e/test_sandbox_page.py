"""The sandbox's page, as Chromium shows it: what it holds now, updating by itself."""

import re

from infra.browser import page
from infra.command import System, sendto
from playwright.sync_api import expect

from sendto_cli.home import Run


def test_the_page_shows_what_the_provider_holds_and_updates_by_itself(system: System, run: Run) -> None:
    with page(run.sandbox_url) as opened:
        body = opened.locator("body")
        assert sendto("seed", "--orders", 20, "--seed", 42, "--home", system.home).returncode == 0
        expect(body).to_contain_text("花子")
        held = re.search(r"holds (\d+) recipients", body.inner_text())
        assert held is not None

        assert sendto("seed", "--orders", 20, "--seed", 43, "--home", system.home).returncode == 0

        expect(body).to_contain_text(f"holds {int(held[1]) + 20} recipients")
        picture = opened.screenshot(path=system.home / "sandbox-page.png")
    assert len(picture) > 10_000
