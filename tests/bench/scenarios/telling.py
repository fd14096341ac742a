"""What it costs to tell: deliveries with every change traced, and with the metrics scraped, beside neither."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from infra.servers import free_port
from infra.serving import Caller
from pyreqwest.exceptions import PyreqwestError

from bench.bare_loop import SECRET
from bench.figures import Figure, Measured, share_at_most, share_of
from bench.machine import Machine, Receiver, receiving, site
from bench.scenarios.delivery import rate, started
from bench.topic import fill

_LATENCY_S = 0.005
_ROUNDS = 3
_SCRAPE_S = 1.0
"""fifteen times as often as it is usual"""


class _Way:
    """How deliveries went one way: calls a second, and CPU of the dispatcher for each."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.cpu_ms: list[float] = []


async def telling(machine: Machine, size: float) -> Measured:
    """Rounds of the same deliveries: told of by nothing, by a trace of each, and by metrics once a second."""
    orders = int(20_000 * size)
    plain, traced, scraped = _Way(), _Way(), _Way()
    async with receiving() as receiver, receiving() as collector:
        for _ in range(_ROUNDS):
            await _deliver(machine, receiver, orders, plain)
            await _deliver(machine, receiver, orders, traced, more=f'[telemetry]\notlp_endpoint = "{collector.url}"')
            await _deliver(machine, receiver, orders, scraped, scrape=True)
    return Measured(
        [
            *_figures("every change traced", traced, plain, least=0.55, most=1.9),
            *_figures("scraped each second", scraped, plain, least=0.95, most=1.05),
        ]
    )


def _figures(words: str, way: _Way, plain: _Way, *, least: float, most: float) -> list[Figure]:
    """A span is made, and sent, for each step of each change; a scrape reads what is counted anyway."""
    return [
        share_of(f"calls a second, {words}", way.rates, plain.rates, "/s", least=least),
        share_at_most(f"CPU of the dispatcher for each, {words}", way.cpu_ms, plain.cpu_ms, "ms", most=most),
    ]


async def _deliver(
    machine: Machine, receiver: Receiver, orders: int, way: _Way, *, more: str = "", scrape: bool = False
) -> None:
    async with site(machine) as place:
        await fill(machine.kafka, place.topics.events, orders)
        await receiver.reset(latency_s=_LATENCY_S)
        dispatcher = place.dispatcher("telling", receiver.url, SECRET, concurrency=64)
        port, config = free_port(), machine.folder / "telling.toml"
        config.write_text(config.read_text().replace("port = 0", f"port = {port}") + more)
        await dispatcher.start()
        async with _scraping(port) if scrape else _nothing():
            started_s, first = await started(dispatcher, receiver)
            way.rates.append(rate(await receiver.holds(orders, 1)))
            way.cpu_ms.append((dispatcher.cpu_s - started_s) * 1000 / (orders - first))
        await dispatcher.stop()


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _scraping(port: int) -> AsyncIterator[None]:
    caller = Caller(f"http://127.0.0.1:{port}")

    async def scrape() -> None:
        while True:
            with suppress(PyreqwestError):
                await caller("GET", "/metrics")
            await asyncio.sleep(_SCRAPE_S)

    scraping = asyncio.create_task(scrape())
    try:
        yield
    finally:
        scraping.cancel()
        await asyncio.gather(scraping, return_exceptions=True)
        await caller.close()
