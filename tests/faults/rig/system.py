"""The processes of a system under test, kept running as `sendto up` keeps its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from faults.process import VARIABLE, Armed
from faults.rig.clocks import Clock
from faults.rig.configuration import Shape, toml
from faults.rig.network import Island
from faults.rig.surroundings import Surroundings
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
        around: what it stands in.
        far_kafka: where whoever has a network of its own finds Kafka.
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
        around: Surroundings | None = None,
        far_kafka: str | None = None,
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
        self._around = around or Surroundings()
        self._far_kafka = far_kafka or bootstrap_servers
        self._home.mkdir(parents=True, exist_ok=True)
        self._clocks = {name: self._around.clock(self._home / f"{name}.clock") for name in self._names()}
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
        return [name for name in self._ports if name.split("-")[0] == service]

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
        return f"http://{self._host(name)}:{self._ports[name]}"

    def called(self, name: str) -> str:
        """The address by which a dispatcher calls providers; each has another, so that their logs tell who it was."""
        if self._is_alone(name):
            assert self.island
            return self.island.wires["outside"].near
        return f"127.0.1.{self.names('dispatcher').index(name) + 1}"

    @property
    def island(self) -> Island | None:
        """The network of the first dispatcher, where it has one of its own."""
        return self._around.island

    def clock(self, name: str) -> Clock:
        """A process's clock."""
        clock = self._clocks[name]
        assert clock, "the processes have the machine's clock"
        return clock

    def pid(self, name: str) -> int | None:
        """A process's id, while it runs."""
        return self._parts[name].pid

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._home / "logs" / f"{name}.log"

    async def start(self, *names: str) -> None:
        """Start the named processes, or all, and wait until they are ready."""
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

    def ended(self) -> list[str]:
        """What the supervisor said of processes that ended by themselves."""
        killed = f"was ended by {signal.SIGKILL.name}"
        return [line for line in self.said if killed not in line and "restarted" in line]

    async def command(self, *words: str) -> str:
        """What `sendto WORDS` says, as an operator calls it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sendto_cli", *words),
            env=dict(os.environ) | {"SENDTO_CONFIG": str(self._config)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process; whether there was one."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:  # it has just ended, and nobody has heard of it yet
            return False
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
        if service == "sandbox":
            env["SENDTO_SANDBOX__DATA_DIR"] = str(self._home / f"sandbox-{rest}")
            env["SENDTO_SANDBOX__HOST"] = "0.0.0.0"  # noqa: S104 - each dispatcher calls it by another address
        elif clock := self._clocks[name]:
            env |= clock.env
        if service == "dispatcher":
            env |= self._provider_urls(name) | (self._far_env(name) if self._is_alone(name) else {})
        part = Part(
            name=name,
            command=[
                *(self.island.prefix if self.island and self._is_alone(name) else ()),
                *(sys.executable, "-m", "faults.process", service),
                *self._bugs.get(name, ()),
            ],
            log=self.log(name),
            ready=lambda: http_ready(url),
            env=env,
        )
        return PartProcess(part, lambda: None, self.said.append)

    def _provider_urls(self, name: str) -> dict[str, str]:
        return {
            f"FAULTS_{provider.name.upper()}_URL": f"http://{self.called(name)}:{self._ports[f'sandbox-{provider.name}']}"
            for provider in self.shape.providers
        }

    def _is_alone(self, name: str) -> bool:
        return self.island is not None and name == "dispatcher-1"

    def _host(self, name: str) -> str:
        return self.island.wires["outside"].far if self.island and self._is_alone(name) else "127.0.0.1"

    def _far_env(self, name: str) -> dict[str, str]:
        """What is elsewhere, seen from an island."""
        assert self.island
        wires = self.island.wires
        return {
            "SENDTO_KAFKA__BOOTSTRAP_SERVERS": self._far_kafka,
            "SENDTO_DISPATCHER__DATABASE_URL": self.dispatch_url.replace("127.0.0.1", wires["postgres"].near),
            "SENDTO_DISPATCHER__HOST": self._host(name),
        }

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
