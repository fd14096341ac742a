"""The sandbox's page, as Chromium shows it: what it holds now, updating by itself."""

import json
import urllib.request

from infra.browser import page
from infra.command import System, sendto
from playwright.sync_api import expect

from sendto_cli.home import Run


def _held(run: Run) -> int:
    with urllib.request.urlopen(f"{run.sandbox_url}/v1/overview") as reply:
        return int(json.load(reply)["count"])


def test_the_page_shows_what_the_provider_holds_and_updates_by_itself(system: System, run: Run) -> None:
    with page(run.sandbox_url) as opened:
        body = opened.locator("body")
        assert sendto("seed", "--orders", 20, "--seed", 42, "--home", system.home).returncode == 0
        expect(body).to_contain_text("花子")
        held = _held(run)
        expect(body).to_contain_text(f"holds {held} recipients")

        assert sendto("seed", "--orders", 20, "--seed", 43, "--home", system.home).returncode == 0

        expect(body).to_contain_text(f"holds {held + 20} recipients")
        picture = opened.screenshot(path=system.home / "sandbox-page.png")
    assert len(picture) > 10_000
