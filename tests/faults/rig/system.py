"""The processes of a system under test, kept running as `sendto up` keeps its own."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from faults.process import VARIABLE, Armed
from faults.rig.configuration import Shape, toml
from infra.eventually import eventually
from infra.servers import free_port
from infra.serving import Caller

from sendto.runtime.settings import TopicSettings
from sendto_cli.up.probes import http_ready
from sendto_cli.up.processes import Part, PartProcess

_TESTS = Path(__file__).parents[2]
READY_WITHIN_S = 90.0


class System:
    """Sandboxes, APIs, relays and dispatchers over given servers.

    Args:
        home: a folder of its own.
        shape: how many of what.
        env: further variables of every process.
        bugs: what is planted, by process name.
        prefixes: words before the command, by process name.
    """

    def __init__(
        self,
        home: Path,
        shape: Shape,
        *,
        bootstrap_servers: str,
        topics: TopicSettings,
        api_url: str,
        dispatch_url: str,
        env: Mapping[str, str] | None = None,
        bugs: Mapping[str, Sequence[str]] | None = None,
        prefixes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.shape = shape
        self.bootstrap_servers = bootstrap_servers
        self.topics = topics
        self.api_url = api_url
        self.dispatch_url = dispatch_url
        self.said: list[str] = []
        """what the supervisor said: every end and restart"""
        self._home = home
        self._env = dict(env or {})
        self._bugs = bugs or {}
        self._prefixes = prefixes or {}
        self._ports = {name: free_port() for name in self._names()}
        self._parts = {name: self._part(name) for name in self._names()}
        self.sandboxes = {provider.name: Caller(self.url(f"sandbox-{provider.name}")) for provider in shape.providers}

    def _names(self) -> list[str]:
        shape = self.shape
        return [
            *(f"sandbox-{provider.name}" for provider in shape.providers),
            *(f"api-{number}" for number in range(1, shape.apis + 1)),
            *(f"relay-{number}" for number in range(1, shape.relays + 1)),
            *(f"dispatcher-{number}" for number in range(1, shape.dispatchers + 1)),
        ]

    def names(self, service: str) -> list[str]:
        """The processes of a service."""
        return [name for name in self._parts if name.split("-")[0] == service]

    @property
    def all_names(self) -> list[str]:
        """All processes."""
        return list(self._parts)

    @property
    def services(self) -> list[str]:
        """The processes of all services under test."""
        return [name for name in self._parts if not name.startswith("sandbox-")]

    def url(self, name: str) -> str:
        """Where a process listens."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def pid(self, name: str) -> int | None:
        """A process's id, while it runs."""
        return self._parts[name].pid

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._home / "logs" / f"{name}.log"

    async def start(self, *names: str) -> None:
        """Start the named processes, or all, and wait until they are ready."""
        self._home.mkdir(parents=True, exist_ok=True)
        text = toml(
            self.shape,
            bootstrap_servers=self.bootstrap_servers,
            topics=self.topics,
            api_url=self.api_url,
            dispatch_url=self.dispatch_url,
        )
        self._config.write_text(text)
        for name in names or tuple(self._parts):
            self._parts[name].start()
        for name in names or tuple(self._parts):
            await self._parts[name].wait_ready()

    async def stop(self, *names: str) -> None:
        """Stop the named processes, or all, the services first."""
        for name in names or (*self.services, *(name for name in self._parts if name not in self.services)):
            await self._parts[name].stop()
        if not names:
            for caller in self.sandboxes.values():
                await caller.close()

    async def ready(self, *names: str) -> None:
        """Wait until the named processes, or all, answer that they are ready."""
        for name in names or tuple(self._parts):

            async def ready(url: str = self.url(name)) -> bool:
                return await http_ready(url)

            await eventually(ready, READY_WITHIN_S)

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process; whether there was one."""
        pid = self.pid(name)
        if pid is None:
            return False
        os.kill(pid, number)
        return True

    def kill(self, name: str) -> bool:
        """End a process as a crash would; it is started again. Whether there was one."""
        self._parts[name].quick_deaths = 0  # it does not die by itself, and so is started again at once
        return self.send(name, signal.SIGKILL)

    def arm(self, name: str, armed: Armed) -> None:
        """Let a process act at a place."""
        self._parts[name].quick_deaths = 0
        armed.write(self.armed_file(name))

    def disarm(self, name: str) -> None:
        """Let it pass."""
        self.armed_file(name).unlink(missing_ok=True)

    def is_armed(self, name: str) -> bool:
        """Whether it has not acted yet."""
        return self.armed_file(name).exists()

    def armed_file(self, name: str) -> Path:
        """The file that a process watches."""
        return self._home / f"{name}.armed"

    def _part(self, name: str) -> PartProcess:
        service, _, rest = name.partition("-")
        url = self.url(name)
        env = self._env | {
            "PYTHONPATH": str(_TESTS),
            "SENDTO_CONFIG": str(self._config),
            VARIABLE: str(self.armed_file(name)),
            f"SENDTO_{service.upper()}__PORT": str(self._ports[name]),
        }
        env |= {
            f"FAULTS_{provider.name.upper()}_URL": f"http://127.0.0.1:{self._ports[f'sandbox-{provider.name}']}"
            for provider in self.shape.providers
        }
        if service == "sandbox":
            env["SENDTO_SANDBOX__DATA_DIR"] = str(self._home / f"sandbox-{rest}")
        part = Part(
            name=name,
            command=[
                *self._prefixes.get(name, ()),
                *(sys.executable, "-m", "faults.process", service),
                *self._bugs.get(name, ()),
            ],
            log=self.log(name),
            ready=lambda: http_ready(url),
            env=env,
        )
        return PartProcess(part, lambda: None, self.said.append)

    @property
    def _config(self) -> Path:
        return self._home / "sendto.toml"


@asynccontextmanager
async def running(system: System, *names: str) -> AsyncIterator[System]:
    """Run a system, or some of its processes, for a block; whatever is armed or frozen at its end is let go."""
    await system.start(*names)
    try:
        yield system
    finally:
        for name in system.services:
            system.disarm(name)
            system.send(name, signal.SIGCONT)
        await system.stop()
