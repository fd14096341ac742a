"""The console of a whole system in Chromium: what happens is told while it happens, and what is pressed is done."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from infra.bodies import customer, order
from infra.browser import page
from infra.command import System, sendto
from infra.serving import Caller
from playwright.sync_api import Page, expect

from sendto_cli.home import Run

T = TypeVar("T")


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine beside the browser's driver, which has this thread's loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def _new_order(run: Run) -> int:
    async def call() -> Any:
        caller = Caller(run.api_url, run.token)
        try:
            return await caller("POST", "/v3/orders", order(customer=customer()))
        finally:
            await caller.close()

    return int(_run(call).json["order_id"])


def _sign_in(opened: Page, run: Run) -> None:
    opened.get_by_label("Ops token").fill(run.ops_token)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.get_by_role("heading", level=1)).to_be_visible()


@pytest.fixture
def console(run: Run) -> Iterator[Page]:
    """A page of the console, signed in."""
    with page(run.dispatcher_url) as opened:
        _sign_in(opened, run)
        yield opened


def test_an_order_s_page_tells_what_happens_while_it_happens(console: Page, run: Run) -> None:
    order_id = _new_order(run)
    console.get_by_label("Order's number").fill(str(order_id))
    console.get_by_role("button", name="Why?").click()
    body = console.locator("#live")
    expect(body).to_contain_text("sandbox has the customer", timeout=30_000)
    expect(body).to_contain_text("customer.created")
    expect(body.get_by_text("attempt", exact=True)).to_have_count(1)

    console.get_by_role("button", name="Replay to sandbox").click()

    expect(body.get_by_text("attempt", exact=True)).to_have_count(2, timeout=30_000)
    console.get_by_role("button", name="Try sandbox now").click()
    console.get_by_role("button", name="Replay to every provider").click()
    expect(body.get_by_text("attempt", exact=True)).to_have_count(3, timeout=30_000)
    assert "turcotte" not in console.content().lower()

    console.get_by_role("button", name="Show the customer").click()

    expect(console.locator("main")).to_contain_text("Turcotte")
    console.get_by_role("link", name="Changes").click()
    expect(console.locator("#live")).to_contain_text("personal data shown")


def test_a_provider_is_paused_and_resumed_by_keyboard_and_the_overview_follows(
    console: Page, run: Run, system: System
) -> None:
    other = console.context.new_page()
    other.goto(run.dispatcher_url)
    console.goto(run.dispatcher_url + "/providers/sandbox")
    console.get_by_label("Why").first.focus()
    console.keyboard.type("their maintenance")
    console.keyboard.press("Enter")
    try:
        expect(console.locator("#live")).to_contain_text("their maintenance")
        expect(other.locator("#live")).to_contain_text("sandbox is paused by", timeout=30_000)
        order_id = _new_order(run)
        other.goto(f"{run.dispatcher_url}/orders/{order_id}")
        expect(other.locator("#live")).to_contain_text("their maintenance (sendto resume sandbox)", timeout=30_000)
        console.get_by_role("button", name="Resume").focus()
        console.keyboard.press("Enter")
        expect(console.locator("#live")).not_to_contain_text("their maintenance")
        expect(other.locator("#live")).to_contain_text("sandbox has the customer", timeout=30_000)
    finally:
        sendto("resume", "sandbox", "--home", system.home)


def test_many_lanes_are_replayed_after_a_count(console: Page, run: Run) -> None:
    _new_order(run)
    console.goto(run.dispatcher_url + "/replays")
    console.get_by_label("Provider").fill("sandbox")
    console.get_by_role("button", name="Count").click()
    expect(console.get_by_role("heading", level=1)).to_contain_text("of sandbox again?")
    confirm = console.get_by_role("button", name="Replay")
    expect(confirm).to_be_focused()

    console.keyboard.press("Enter")

    newest = console.locator("#live tbody tr").first
    expect(newest).to_contain_text("sandbox")
    expect(newest).not_to_contain_text("under way", timeout=60_000)


def test_a_rejected_event_is_found_and_its_bytes_are_shown_when_asked_for(console: Page, run: Run) -> None:
    _run(lambda: _publish_broken(run))
    console.goto(run.dispatcher_url + "/rejected")
    row = console.locator("#live tbody tr").filter(has_text="990077").first
    expect(row).to_contain_text("json_invalid", timeout=30_000)
    assert "{broken console" not in console.content()

    row.get_by_role("button", name="Show").click()

    expect(console.locator("main")).to_contain_text("{broken console")


async def _publish_broken(run: Run) -> None:
    from aiokafka import AIOKafkaProducer
    from infra.events import binary_headers

    async with AIOKafkaProducer(bootstrap_servers=run.kafka_bootstrap_servers) as producer:
        headers = binary_headers("customer.created", 1)
        await producer.send_and_wait("orders.customer", b"{broken console", b"990077", headers=headers)


def test_focus_stays_where_it_is_while_the_page_updates_itself(console: Page, run: Run) -> None:
    _new_order(run)
    console.goto(run.dispatcher_url + "/attempts")
    console.locator("#live tbody a").first.focus()
    focused = console.evaluate("document.activeElement.id")

    _new_order(run)

    expect(console.locator("#live tbody a").first).not_to_have_attribute("id", focused, timeout=30_000)
    assert console.evaluate("document.activeElement.id") == focused


def test_signing_out_ends_it(console: Page) -> None:
    console.get_by_role("button", name="Sign out").click()

    expect(console.get_by_role("button", name="Sign in")).to_be_visible()
    assert console.context.cookies() == []
