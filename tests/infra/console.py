"""The console as a person of ops goes through it: every page, and what can be pressed there."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

PAGES = (
    "/",
    "/lanes",
    "/lanes?state=all",
    "/lanes?state=dead&reason=http_422",
    "/attempts",
    "/attempts?failed=1",
    "/replays",
    "/rejected",
    "/routes",
    "/unrouted",
    "/sources",
    "/changes",
    "/configuration",
)
DESK: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 390, "height": 844}
PATIENCE_MS = 60_000
SCHEMES: Any = ("light", "dark")
_SIGN = re.compile(r"[^\w\s]")


def sign_in(opened: Page, token: str) -> None:
    """By keyboard alone: the field has the focus."""
    expect(opened.get_by_label("Ops token")).to_be_focused()
    opened.keyboard.type(token)
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("heading", level=1, name="Overview")).to_be_visible(timeout=PATIENCE_MS)


class Walk:
    """A walk through the console.

    Args:
        opened: a page, signed in.
        url: the dispatcher's.
        provider: whose page is looked at, and which is paused and replayed.
    """

    def __init__(self, opened: Page, url: str, provider: str) -> None:
        self.opened = opened
        self._url = url
        self._provider = provider

    @property
    def live(self) -> Locator:
        """The part of the page that updates itself."""
        return self.opened.locator("#live")

    def go(self, path: str) -> None:
        """Open a page; it is there, and as wide as its window at most."""
        self.opened.goto(self._url + path)
        expect(self.opened.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE_MS)
        assert self._fits(), path

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press a button by keyboard."""
        button = (within or self.opened.locator("main")).get_by_role("button", name=name).first
        button.focus()
        self.opened.keyboard.press("Enter")

    def look_at_every_page(self, *further: str) -> None:
        """At a desk and on a phone, light and dark; every state has a sign beside its colour."""
        for scheme in SCHEMES:
            self.opened.emulate_media(color_scheme=scheme)
            for size in (DESK, PHONE):
                self.opened.set_viewport_size(size)
                for path in (*PAGES, f"/providers/{self._provider}", *further):
                    self.go(path)
                    assert self._unsigned() == [], path
                    assert size is not PHONE or self._clipped() == 0, path
        self.opened.set_viewport_size(DESK)

    def reach_by_keyboard(self) -> None:
        """Tab from the top: first past the navigation, then through everything, each with a mark around it."""
        self.go("/")
        self.opened.keyboard.press("Tab")
        expect(self.opened.get_by_role("link", name="To the content")).to_be_focused()
        seen: set[str] = set()
        for _ in range(14):
            self.opened.keyboard.press("Tab")
            seen.add(str(self.opened.evaluate("document.activeElement.textContent || document.activeElement.name")))
            assert self.opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert {"Lanes", "Rejected", "Routes", "order_id", "Why?"} <= seen

    def page_deeper(self, state: str, pages: int) -> None:
        """Go from page to page of lanes; none is shown twice."""
        self.go(f"/lanes?state={state}")
        seen: set[str] = set()
        for number in range(pages):
            ids = self.live.locator("tbody a").evaluate_all("links => links.map(link => link.id)")
            assert ids
            assert seen.isdisjoint(ids), number
            seen |= set(ids)
            self.opened.get_by_role("link", name="Further lanes").click()
            expect(self.live.locator(f"#{ids[0]}")).to_have_count(0, timeout=PATIENCE_MS)

    def pause_and_resume(self) -> None:
        """With a reason; the pages say so by themselves."""
        self.go(f"/providers/{self._provider}")
        self.opened.get_by_label("Why").first.focus()
        self.opened.keyboard.type("their maintenance")
        self.opened.keyboard.press("Enter")
        expect(self.live).to_contain_text("their maintenance", timeout=PATIENCE_MS)
        expect(self.live).to_contain_text("paused")

    def resume(self) -> None:
        """End the pause."""
        self.go(f"/providers/{self._provider}")
        self.press("Resume")
        expect(self.live).not_to_contain_text("their maintenance", timeout=PATIENCE_MS)

    def replay_many(self, state: str, *, cancelled: bool) -> None:
        """Count, confirm, watch, and end it if it is one of so many that it stays where it is, at a paused provider."""
        self.go("/replays")
        self.opened.get_by_label("Provider").fill(self._provider)
        self.opened.get_by_label("State").select_option(state)
        self.press("Count")
        expect(self.opened.get_by_role("heading", level=1)).to_contain_text(f"of {self._provider} again?")
        expect(self.opened.get_by_role("button", name="Replay")).to_be_focused()
        self.opened.keyboard.press("Enter")
        newest = self.live.locator("tbody tr").first
        expect(newest).to_contain_text(self._provider, timeout=PATIENCE_MS)
        if cancelled:
            self.press("Cancel", newest)
            expect(newest).to_contain_text("cancelled by", timeout=PATIENCE_MS)
        expect(newest).not_to_contain_text("under way", timeout=PATIENCE_MS)

    def steer_one_lane(self) -> None:
        """From a list of lanes to an order, and its buttons."""
        self.go(f"/lanes?state=all&provider={self._provider}")
        self.live.locator("tbody a").first.click()
        expect(self.opened.get_by_role("heading", level=1, name="Order")).to_be_visible(timeout=PATIENCE_MS)
        self.press(f"Replay to {self._provider}")
        expect(self.live).to_contain_text(self._provider)
        self.press(f"Try {self._provider} now")
        self.press("Replay to every provider")
        self.press("Show the customer")
        expect(self.opened.locator("main")).to_contain_text("That this was shown is recorded.", timeout=PATIENCE_MS)

    def take_rejected(self) -> None:
        """One again, which is still no event; its bytes; all of a reason."""
        self.go("/rejected")
        self.press("Show bytes", self.live.locator("tbody tr").first)
        expect(self.opened.locator("main")).to_contain_text("That this was shown is recorded.", timeout=PATIENCE_MS)
        self.go("/rejected")
        self.opened.get_by_label("Reason").fill("nothing_of_the_kind")
        self.press("Take them again")
        expect(self.opened.get_by_role("heading", level=1)).to_contain_text("None was taken", timeout=PATIENCE_MS)

    def apply_routes(self) -> None:
        """Count what would move; say no."""
        self.go("/routes")
        self.press("Apply to known orders")
        said_no = self.opened.get_by_role("link", name=re.compile("^(No|To the routes)$"))
        expect(said_no).to_be_visible(timeout=PATIENCE_MS)
        said_no.click()
        expect(self.opened.get_by_role("heading", level=1, name="Routes in force")).to_be_visible(timeout=PATIENCE_MS)

    def apply_and_cancel_routes(self) -> None:
        """Count, confirm, watch, and end what has no room to go on."""
        self.go("/routes")
        self.press("Apply to known orders")
        expect(self.opened.get_by_role("button", name="Move")).to_be_focused(timeout=PATIENCE_MS)
        self.opened.keyboard.press("Enter")
        newest = self.live.locator("tbody tr").first
        expect(newest).to_contain_text("under way", timeout=PATIENCE_MS)
        self.press("Cancel", newest)
        expect(newest).to_contain_text("cancelled by", timeout=PATIENCE_MS)

    def rename(self, old: str, new: str) -> None:
        """Say no first, then yes."""
        self.go(f"/providers/{old}")
        for answer in ("No", "Rename"):
            self.opened.get_by_label("Another name").fill(new)
            self.press("Rename")
            expect(self.opened.get_by_role("heading", level=1)).to_contain_text(f"Make {old} the provider {new}?")
            if answer == "No":
                self.opened.get_by_role("link", name="No").click()
        expect(self.opened.get_by_role("button", name="Rename")).to_be_focused()
        self.opened.keyboard.press("Enter")
        expect(self.opened.get_by_role("heading", level=1, name=new)).to_be_visible(timeout=PATIENCE_MS)

    def reset_source(self, source: str, orders: int) -> None:
        """Count, confirm."""
        self.go("/sources")
        expect(self.live).to_contain_text(source)
        self.opened.get_by_label("Source").fill(source)
        self.press("Count")
        expect(self.opened.get_by_role("heading", level=1)).to_contain_text(f"the versions of {orders} orders?")
        expect(self.opened.get_by_role("button", name="Forget")).to_be_focused()
        self.opened.keyboard.press("Enter")
        expect(self.live).to_contain_text("source reset", timeout=PATIENCE_MS)

    def find_unrouted(self, order_id: int) -> None:
        """From the overview's figure to the order that goes nowhere."""
        self.go("/")
        self.opened.locator("#unrouted").click()
        self.live.get_by_role("link", name=str(order_id)).click()
        expect(self.live).to_contain_text("Unrouted: ", timeout=PATIENCE_MS)

    def audit(self) -> None:
        """Compare some lanes with what the provider holds, and deliver again what differs."""
        self.go(f"/providers/{self._provider}")
        self.press("Audit")
        expect(self.opened.get_by_role("heading", level=1)).to_contain_text("differ at", timeout=PATIENCE_MS)
        self.press("Deliver them again")
        expect(self.opened.locator("main")).to_contain_text("is delivered again", timeout=PATIENCE_MS)

    def find_what_was_done(self, *actions: str) -> None:
        """All of it is in the record."""
        self.go("/changes")
        for action in actions:
            expect(self.live).to_contain_text(action, timeout=PATIENCE_MS)

    def follow(self, path: str, change: Callable[[], object], told: str) -> None:
        """A page tells what has changed by itself."""
        self.go(path)
        expect(self.live).not_to_contain_text(told)
        change()
        expect(self.live).to_contain_text(told, timeout=PATIENCE_MS)

    def _fits(self) -> bool:
        return bool(
            self.opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        )

    def _clipped(self) -> int:
        """How many boxes hold more than they are wide."""
        boxes = "[...document.querySelectorAll('.card')].filter(box => box.scrollWidth > box.clientWidth + 1).length"
        return int(self.opened.evaluate(boxes))

    def _unsigned(self) -> list[str]:
        """States that only their colour would tell apart."""
        states: list[str] = self.opened.locator(".state").all_text_contents()
        return [state for state in states if not _SIGN.search(state)]
