"""From the commit of a change in the API until its provider has the request."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter, time

from infra.bodies import customer, order
from infra.processes import Service, running
from infra.servers import free_port
from infra.serving import Caller
from infra.topics import new_topics

from bench.bare_loop import SECRET
from bench.figures import Figure, Measured, at_most, percentile
from bench.machine import Machine, Receiver, Site, comes, receiving
from bench.tokens import api_token

_IDLE_EVERY_S = 0.05
_IN_FLIGHT = 32


async def latency(machine: Machine, size: float) -> Measured:
    """API, relay and dispatcher as processes; first idle, then at 70 % of the highest rate of writes."""
    topics = await new_topics(machine.kafka, partitions=12)
    async with (
        receiving() as receiver,
        machine.databases.migrated("api") as api_url,
        machine.databases.migrated("dispatcher") as url,
    ):
        place = Site(machine, topics, url)
        token = await api_token(api_url)
        env = {"SENDTO_API__DATABASE_URL": api_url, "SENDTO_KAFKA__BOOTSTRAP_SERVERS": machine.kafka}
        env |= {f"SENDTO_TOPICS__{name.upper()}": str(value) for name, value in topics.model_dump().items()}
        dispatcher = place.dispatcher("latency", receiver.url, SECRET, concurrency=64)
        async with _service("api", env, machine) as api_address, _service("relay", env, machine):
            await dispatcher.start()
            api = Caller(api_address, token)
            try:
                return await _measure(api, receiver, int(400 * size), int(4_000 * size))
            finally:
                await api.close()
                await dispatcher.stop()


@asynccontextmanager
async def _service(name: str, env: dict[str, str], machine: Machine) -> AsyncIterator[str]:
    port = free_port()
    env = env | {f"SENDTO_{name.upper()}__PORT": str(port)}
    async with running(Service(name, env, f"http://127.0.0.1:{port}", machine.folder / f"{name}.log")) as service:
        yield service.url


async def _measure(api: Caller, receiver: Receiver, idle: int, busy: int) -> Measured:
    await receiver.reset(latency_s=0.005)
    await _write(api, receiver, 20, every_s=_IDLE_EVERY_S)
    quiet = await _write(api, receiver, idle, every_s=_IDLE_EVERY_S)
    highest = await _highest(api, receiver, busy)
    loaded = await _write(api, receiver, busy, every_s=1 / (0.7 * highest))
    return Measured(
        [
            at_most("commit to provider, idle, p50", percentile(quiet, 0.5), "ms", 15),
            at_most("commit to provider, idle, p99", percentile(quiet, 0.99), "ms", 50),
            Figure(name="writes end to end at most", value=highest, unit="/s", wanted="", reached=True),
            at_most("commit to provider at 70 %, p99", percentile(loaded, 0.99), "ms", 150),
        ]
    )


async def _write(api: Caller, receiver: Receiver, count: int, *, every_s: float) -> list[float]:
    """Milliseconds from each answer of the API (its commit was before it) until the provider had the request."""
    answered: dict[str, float] = {}
    jitter = random.Random(1)  # noqa: S311 - the same load each time

    async def one(at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - perf_counter()))
        reply = await api("POST", "/v3/orders", order(customer=customer()))
        answered[str(reply.json["order_id"])] = time()

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(began + (number + jitter.random()) * every_s))
    arrivals = await _arrived(receiver, answered)
    return [(arrivals[order_id] - at) * 1000 for order_id, at in answered.items()]


async def _highest(api: Caller, receiver: Receiver, count: int) -> float:
    """Orders a second from the first write until the last has reached the provider."""
    answered: dict[str, float] = {}
    slots = asyncio.Semaphore(_IN_FLIGHT)

    async def one() -> None:
        async with slots:
            reply = await api("POST", "/v3/orders", order(customer=customer()))
            answered[str(reply.json["order_id"])] = time()

    began = time()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
    arrivals = await _arrived(receiver, answered)
    return count / (max(arrivals[order_id] for order_id in answered) - began)


async def _arrived(receiver: Receiver, wanted: dict[str, float]) -> dict[str, float]:
    async def all_there() -> dict[str, float] | None:
        arrivals: dict[str, float] = (await receiver.stats(whole=True))["arrivals"]
        return arrivals if wanted.keys() <= arrivals.keys() else None

    arrivals = await comes(all_there, 120)
    assert arrivals is not None
    return arrivals
