"""Orders with customers through one API process, beside a handler that only stores."""

import asyncio
from time import perf_counter

from infra.bodies import customer, order
from infra.eventually import eventually
from infra.processes import Service, running
from infra.servers import free_port
from infra.serving import Caller

from bench.figures import Measured, share_of
from bench.machine import Machine, spawn
from bench.tokens import api_token

_IN_FLIGHT = 32
_PAIRS = 3


async def api(machine: Machine, size: float) -> Measured:
    """Both in turn, on one database."""
    writes = int(3_000 * size)
    ours, limits = [], []
    async with machine.databases.migrated("api") as url:
        token, port, bare_port = await api_token(url), free_port(), free_port()
        env = {"SENDTO_API__DATABASE_URL": url, "SENDTO_API__PORT": str(port)}
        service = Service("api", env, f"http://127.0.0.1:{port}", machine.folder / "api.log")
        bare = await spawn("bench.bare_handler", url, bare_port, log=machine.folder / "bare.log")
        try:
            async with running(service):
                for _ in range(_PAIRS):
                    limits.append(await _rate(f"http://127.0.0.1:{bare_port}", None, writes))
                    ours.append(await _rate(service.url, token, writes))
        finally:
            bare.terminate()
            await bare.wait()
    return Measured([share_of("orders with customers, one API process", ours, limits, "/s", least=0.6)])


async def _rate(url: str, token: str | None, writes: int) -> float:
    call = Caller(url, token)
    body = order(customer=customer())

    async def answers() -> bool:
        try:
            return (await call("POST", "/v3/orders", body)).status == 201
        except ConnectionError:
            return False

    await eventually(answers)
    left = writes

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert (await call("POST", "/v3/orders", body)).status == 201

    began = perf_counter()
    await asyncio.gather(*(client() for _ in range(_IN_FLIGHT)))
    seconds = perf_counter() - began
    await call.close()
    return writes / seconds
