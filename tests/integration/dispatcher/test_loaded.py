"""What a dispatcher needs is loaded before it serves: an import holds up deliveries, and everybody who asks."""

import asyncio
from contextlib import suppress
from pathlib import Path

from infra.events import Upstream
from infra.eventually import eventually
from infra.processes import Service, running
from infra.sandbox import Provider
from infra.servers import free_port
from infra.serving import Caller
from integration.dispatcher.conftest import Settings
from integration.dispatcher.test_replicas import to_toml
from pyreqwest.exceptions import PyreqwestError

_IMPORT = "import time:"
"""begins a line of Python's log of imports"""


async def test_a_dispatcher_that_answers_imports_nothing_more(
    settings: Settings, provider: Provider, upstream: Upstream, tmp_path: Path
) -> None:
    config, port = tmp_path / "sendto.toml", free_port()
    config.write_text(to_toml(settings, provider.url))
    env = {
        "SENDTO_CONFIG": str(config),
        "SENDTO_DISPATCHER__PORT": str(port),
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    service = Service("dispatcher", env, f"http://127.0.0.1:{port}", tmp_path / "log")
    nobody = Caller(service.url)

    async def what_is_loaded_once_it_answers() -> list[str]:
        with suppress(PyreqwestError):
            if (await nobody("GET", "/healthz")).status == 200:
                return _imports(service.log)
        return []

    looking = asyncio.create_task(eventually(what_is_loaded_once_it_answers))
    async with running(service):
        loaded = await looking
        for order_id in (1, 2):  # between them it has looked in vain for more
            await upstream.put(order_id, 1)
            await provider.holds(order_id)
            assert (await nobody("GET", "/metrics")).status == 200
            assert (await nobody("GET", "/ops/overview")).status == 401
        await nobody.close()

        assert len(loaded) > 1_000
        # FastStream makes a model of pydantic's as it starts.
        assert {name.split(".")[0] for name in _imports(service.log)[len(loaded) :]} <= {"pydantic"}


def _imports(log: Path) -> list[str]:
    return [line.split("|")[-1].strip() for line in log.read_text().splitlines() if line.startswith(_IMPORT)]
