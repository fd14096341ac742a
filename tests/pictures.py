"""Takes the README's pictures of the console anew: a system with troubles of its own, as `make pictures` runs it."""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # run as a module of the clone, outside pytest

from aiokafka import AIOKafkaProducer
from infra.bodies import customer, order
from infra.browser import page
from infra.command import System, sendto
from infra.events import binary_headers
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from playwright.sync_api import Page, expect

from sendto_cli.home import Run

PICTURES = Path(__file__).parents[1] / "deploy" / "pictures"
DESK: Any = {"width": 1240, "height": 830}
TALL: Any = {"width": 1240, "height": 1080}
_CONFIGURATION = """
[providers.northpost]
adapter = "sandbox"
config = { url = "env:SENDTO_SANDBOX_URL" }
[providers.acme]
adapter = "sandbox"
config = { url = "http://127.0.0.1:9" }
[providers.citybikes]
adapter = "sandbox"
config = { url = "env:SENDTO_SANDBOX_URL" }
limits = { rate = "120/min" }

[[routes]]
when = { location_id = [2] }
to = ["northpost", "acme"]
[[routes]]
when = { location_id = [3] }
to = ["citybikes"]
[routing]
default = ["northpost"]
"""


def main() -> None:
    """Bring a system up, make it unwell, look at it."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sendto-pictures-") as folder:
        configuration = Path(folder) / "sendto.toml"
        configuration.write_text(_CONFIGURATION, encoding="utf-8")
        home = Path(folder) / "home"
        up = System(home, "--port-base", "0", "--dispatchers", "2", "--config", str(configuration))
        with up.running():
            run = up.when_ready()
            sendto("seed", "--orders", "150", "--patience-s", "2", "--home", home)
            order_id = asyncio.run(_trouble(run))
            sendto("pause", "citybikes", "--reason", "their maintenance until 16:00", "--home", home)
            with page(run.dispatcher_url) as opened:
                _look(opened, run, order_id)


def _look(opened: Page, run: Run, order_id: int) -> None:
    opened.set_viewport_size(DESK)
    opened.get_by_label("Ops token").fill(run.ops_token)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.locator("#live")).to_contain_text("citybikes is paused", timeout=60_000)
    expect(opened.locator("#live")).to_contain_text("acme is down", timeout=60_000)
    expect(opened.locator("#live")).to_contain_text("given up or refused", timeout=60_000)
    opened.screenshot(path=PICTURES / "overview.png")
    opened.goto(f"{run.dispatcher_url}/orders/{order_id}")
    expect(opened.locator("#live")).to_contain_text("Waiting: acme is down")
    expect(opened.locator("#live")).to_contain_text("update of version", timeout=60_000)
    opened.set_viewport_size(TALL)
    opened.screenshot(path=PICTURES / "order.png")


async def _trouble(run: Run) -> int:
    """Refused orders, a rejected event, and an order whose story is told; its id."""
    caller, behind = Caller(run.api_url, run.token), Caller(run.sandbox_url, None)
    provider = Provider(behind)
    try:
        await provider.behave(errors={422: 1.0})
        for _ in range(2):
            await _order(caller, {"location_id": 1})
        await _until(run, "/ops/lanes?state=dead", 2)
        await provider.behave()
        await _reject(run)
        order_id = await _order(caller, {"location_id": 2})
        await provider.holds(order_id)
        path = f"/v3/orders/{order_id}/customer"
        await caller("PATCH", path, {"mobile_number": "07700 900123"})
    finally:
        await caller.close()
        await behind.close()
    return order_id


async def _order(caller: Caller, changes: Mapping[str, Any]) -> int:
    reply = await caller("POST", "/v3/orders", order(customer=customer(), **changes))
    return int(reply.json["order_id"])


async def _until(run: Run, path: str, lanes: int) -> None:
    ops = Caller(run.dispatcher_url, run.ops_token)

    async def there() -> bool:
        return len((await ops("GET", path)).json["data"]) >= lanes

    try:
        await eventually(there)
    finally:
        await ops.close()


async def _reject(run: Run) -> None:
    async with AIOKafkaProducer(bootstrap_servers=run.kafka_bootstrap_servers) as producer:
        headers = binary_headers("customer.created", 1)
        await producer.send_and_wait("orders.customer", b"{", b"990077", headers=headers)


if __name__ == "__main__":
    main()
