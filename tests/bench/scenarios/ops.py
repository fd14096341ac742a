"""What it costs to look: questions of ops over a million lanes while deliveries run, and the rate without them.

Each question is asked of the process that delivers, and of another one that delivers nothing. There it takes what the
database takes for it; what it takes longer at the first is waiting for a turn among deliveries. How long a turn is, is
told by an answer that needs no database.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from statistics import median
from time import perf_counter

import asyncpg
from infra.eventually import eventually
from infra.postgres import connected
from infra.servers import free_port
from infra.serving import Caller
from pyreqwest.exceptions import PyreqwestError

from bench.bare_loop import SECRET
from bench.figures import Figure, Measured, at_most, percentile, share_of
from bench.lanes import make_due
from bench.machine import Machine, Receiver, Site, receiving, site
from bench.scenarios.delivery import rate
from sendto_dispatcher.ops.cursors import to_cursor
from sendto_dispatcher.store.listing import Place
from sendto_dispatcher.store.tokens import create_token

_LATENCY_S = 0.005
_PAIRS = 4
_EVERY_S = 0.25
"""four questions a second of each process: a few people with the console open, and a scrape of the metrics"""
_NO_QUESTION = "an answer that needs no database"


async def ops(machine: Machine, size: float) -> Measured:
    """Deliveries among converged lanes, in pairs: while nobody looks, and while ops do."""
    lanes, due = int(1_000_000 * size), int(40_000 * size)
    alone: list[float] = []
    watched: list[float] = []
    busy, idle = _Asked(), _Asked()
    async with receiving() as receiver, site(machine) as place:
        await make_due(place.database_url, lanes, due=False)
        await _vacuum(place.database_url)
        first = lanes + 1
        for pair in range(_PAIRS):
            sides = ((alone, False), (watched, True))
            for rates, asks in sides if pair % 2 else reversed(sides):  # the table is a little fuller each time
                await receiver.reset(latency_s=_LATENCY_S)
                async with (
                    _dispatching(place, receiver, delivers=True) as caller,
                    _dispatching(place, receiver, delivers=False) as beside,
                ):
                    looking = [_looking(caller, lanes, busy), _looking(beside, lanes, idle)] if asks else []
                    await make_due(place.database_url, due, first=first)
                    first += due
                    rates.append(rate(await receiver.holds(due, 1)))
                    for one in looking:
                        await eventually(busy.all_once)
                        one.cancel()
                    for ended in await asyncio.gather(*looking, return_exceptions=True):
                        if isinstance(ended, Exception):
                            raise ended
    return Measured(
        [
            share_of("calls a second while ops look", watched, alone, "/s", least=0.95),
            *_figures("where nothing is delivered", idle.took_ms),
            *_figures("where deliveries run", busy.took_ms),
        ]
    )


def _figures(where: str, took_ms: dict[str, list[float]]) -> list[Figure]:
    return [
        at_most(f"{where}: {name}, 95 of 100, of {len(took)}", percentile(took, 0.95), "ms", 50)
        for name, took in took_ms.items()
    ] + [at_most(f"{where}: any of them, the middle one", median(itertools.chain(*took_ms.values())), "ms", 50)]


class _Asked:
    """What questions took."""

    def __init__(self) -> None:
        self.took_ms: dict[str, list[float]] = {}

    async def all_once(self) -> bool:
        """Whether the last question has been asked."""
        return "the metrics" in self.took_ms


@asynccontextmanager
async def _dispatching(place: Site, receiver: Receiver, *, delivers: bool) -> AsyncIterator[Caller]:
    name = "ops" if delivers else "beside"
    dispatcher = place.dispatcher(name, receiver.url, SECRET, enabled=delivers, concurrency=64)
    port = free_port()
    config = place.machine.folder / f"{name}.toml"
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    async with connected(place.database_url) as database, database.connection() as connection:
        token = await create_token(connection, name="bench", permissions=["*"])
    caller = Caller(f"http://127.0.0.1:{port}", token)
    await dispatcher.start()

    async def answers() -> bool:
        with suppress(PyreqwestError):
            return (await caller("GET", "/healthz")).status == 200
        return False

    await eventually(answers)
    try:
        yield caller
    finally:
        await caller.close()
        await dispatcher.stop()


def _looking(caller: Caller, lanes: int, asked: _Asked) -> asyncio.Task[None]:
    return asyncio.create_task(_look(caller, lanes, asked.took_ms))


async def _look(caller: Caller, lanes: int, took_ms: dict[str, list[float]]) -> None:
    """Ask one question after the other, until cancelled; the first round, which opens connections, does not count."""
    questions = {
        _NO_QUESTION: "/healthz",
        "the overview": "/ops/overview",
        "an order's story": f"/ops/orders/{lanes // 2}",
        "lanes that are behind": "/ops/lanes?state=behind",
        "lanes deep in the table": f"/ops/lanes?state=all&cursor={to_cursor(Place(lanes // 10 * 9))}",
        "a provider's lanes that are dead": "/ops/lanes?state=dead&provider=bench",
        "rejected events": "/ops/rejected",
        "rejected events of a reason": "/ops/rejected?reason=key_missing",
        "orders that go nowhere": "/ops/routes/unrouted",
        "sources": "/ops/sources",
        "the record of changes": "/ops/changes",
        "the replays": "/ops/replays",
        "the metrics": "/metrics",
    }
    for path in questions.values():
        await caller("GET", path)
    for name, path in itertools.cycle(questions.items()):
        began = perf_counter()
        reply = await caller("GET", path)
        assert reply.status == 200, (path, reply.content)
        took_ms.setdefault(name, []).append((perf_counter() - began) * 1000)
        await asyncio.sleep(_EVERY_S)


async def _vacuum(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("VACUUM ANALYZE", timeout=1_200)
    await connection.close()
