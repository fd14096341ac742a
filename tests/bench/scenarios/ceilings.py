"""What the parts can do alone on this machine: the HTTP client, and PostgreSQL with one statement."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time

import asyncpg
from pyreqwest.client import ClientBuilder

from bench.figures import Figure, Measured
from bench.lanes import make_due
from bench.machine import Machine, receiving, site
from bench.topic import event_body

_IN_FLIGHT = (64, 256)
_ROWS = 250
_STATEMENTS = {
    "rows updated by one statement after another, durably": """
        UPDATE lane SET applied_generation = applied_generation + 1, changed_at = clock_timestamp()
        FROM generate_series($1::bigint, $2::bigint) AS n(id) WHERE lane.id = n.id""",
    "rows inserted by one statement after another, durably": """
        INSERT INTO intake_event (source, order_id, event_id, type, carried, version, topic, partition, record_offset,
            verdict)
        SELECT 'bench', n, n::text, 'customer.updated', true, 1, 'bench', 0, n, 'counted'
        FROM generate_series($1::bigint, $2::bigint) AS n""",
}


async def ceilings(machine: Machine, size: float) -> Measured:
    """Nothing of ours runs."""
    requests, rows = int(50_000 * size), int(100_000 * size)
    return Measured([*await _client(requests), *await _database(machine, rows)])


async def _client(requests: int) -> list[Figure]:
    figures = []
    body = b'{"orderversion":1,"data":%b}' % event_body(1, 1)
    client = ClientBuilder().no_proxy().build()
    async with receiving() as receiver:
        await receiver.reset(latency_s=0.005)

        async def send(_: int) -> None:
            async with client.post(receiver.url).body_bytes(body).build_streamed() as response:
                await response.bytes()

        for in_flight in _IN_FLIGHT:
            began_s, cpu_s = perf_counter(), process_time()
            await _all(requests, in_flight, send)
            took_s, used_ms = perf_counter() - began_s, (process_time() - cpu_s) * 1000
            figures += [
                _told(f"requests of the HTTP client alone, {in_flight} in flight", requests / took_s, "/s"),
                _told(f"CPU of the HTTP client for each, {in_flight} in flight", used_ms / requests, "ms"),
            ]
    await client.close()
    return figures


async def _database(machine: Machine, rows: int) -> list[Figure]:
    figures = []
    async with site(machine) as place:
        await make_due(place.database_url, rows)
        connection = await asyncpg.connect(place.database_url)
        for name, statement in _STATEMENTS.items():
            began_s = perf_counter()
            for first in range(1, rows, _ROWS):
                await connection.execute(statement, first, first + _ROWS - 1)
            figures.append(_told(f"{name}, {_ROWS} each", rows / (perf_counter() - began_s), "/s"))
        await connection.close()
    return figures


async def _all(count: int, at_once: int, work: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())


def _told(name: str, value: float, unit: str) -> Figure:
    return Figure(name=name, value=value, unit=unit, wanted="", reached=True)
