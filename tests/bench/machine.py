"""What a scenario runs on: PostgreSQL with durable commits, Kafka, the receiver, and dispatchers as processes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import psutil
from infra.eventually import eventually
from infra.postgres import Databases
from infra.secret_settings import source_of
from infra.serving import Caller
from infra.topics import new_topics

from sendto.runtime.settings import TopicSettings

TESTS = Path(__file__).parents[1]
PATIENCE_S = 1_200.0
T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """The servers of a run, and a folder for what its processes write."""

    databases: Databases
    kafka: str
    folder: Path


async def spawn(*arguments: object, env: dict[str, str] | None = None, log: Path | None = None) -> Any:
    """A Python process of ours that ends with us; its output is piped, or goes to a log."""
    out = log.open("ab") if log else asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", *map(str, arguments)),
        cwd=TESTS,
        env=os.environ | (env or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=out if log else None,
    )


class Died(Exception):  # noqa: N818 - named for what happened
    """A dispatcher ended by itself."""


async def comes(ask: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """The first answer that is true.

    Raises:
        Died: a dispatcher that should run does not, so that there is nothing to wait for.
    """

    async def asked() -> T:
        for one in DispatcherProcess.running:
            one.must_live()
        return await ask()

    return await eventually(asked, patience_s)


class Receiver:
    """The receiver's process, and what it counted."""

    def __init__(self, process: Any, port: int) -> None:
        self._process = process
        self._call = Caller(f"http://127.0.0.1:{port}")
        self.url = self._call.url

    async def reset(self, **behaviour: Any) -> None:
        """Forget everything; behave like this."""
        await self._call("PUT", "/reset", behaviour)

    async def behave(self, **behaviour: Any) -> None:
        """Behave like this from now on."""
        await self._call("PUT", "/behaviour", behaviour)

    async def stats(self, *, whole: bool = False) -> dict[str, Any]:
        """The figures."""
        figures: dict[str, Any] = (await self._call("GET", "/whole" if whole else "/stats")).json
        return figures

    async def holds(self, orders: int, version: int) -> dict[str, Any]:
        """Wait until it holds this version of so many orders."""

        async def all_held() -> dict[str, Any] | None:
            stats = await self.stats()
            if stats["orders"] < orders:
                return None
            if version == 1:
                return stats
            newest = (await self.stats(whole=True))["newest"]
            return stats if all(held >= version for held in newest.values()) else None

        stats = await comes(all_held)
        assert stats is not None
        return stats

    async def stop(self) -> None:
        """End it."""
        await self._call.close()
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver for a block."""
    process = await spawn("bench.receiver")
    receiver = Receiver(process, int(await process.stdout.readline()))
    try:
        yield receiver
    finally:
        await receiver.stop()


class DispatcherProcess:
    """One `sendto dispatcher`, measured from outside."""

    running: ClassVar[set["DispatcherProcess"]] = set()
    """those that were started and not ended"""

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._process: Any = None

    async def start(self) -> None:
        """Start it; it works as soon as it can."""
        self._process = await spawn("sendto_cli", "dispatcher", "--config", self._config, log=self._log)
        self.running.add(self)

    def must_live(self) -> None:
        """Look whether it still runs.

        Raises:
            Died: it does not.
        """
        if self._process.returncode is not None:
            raise Died(f"a dispatcher ended with {self._process.returncode}; its log is {self._log}")

    @property
    def cpu_s(self) -> float:
        """CPU seconds that it has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def peak_mib(self) -> float:
        """The most memory that it had."""
        return self._memory_mib("VmHWM")

    @property
    def resident_mib(self) -> float:
        """The memory that it has now."""
        return self._memory_mib("VmRSS")

    def _memory_mib(self, name: str) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) / 1024

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self._process.pid)

    async def kill(self) -> None:
        """End it as a crash would."""
        self.running.discard(self)
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it in good order."""
        self.running.discard(self)
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()


@dataclass(frozen=True)
class Site:
    """One dispatcher database and its topics, of one measurement."""

    machine: Machine
    topics: TopicSettings
    database_url: str

    def dispatcher(self, name: str, url: str, secret: str, *, enabled: bool = True, **limits: Any) -> DispatcherProcess:
        """A dispatcher with the webhook adapter at this address."""
        return self.serving(name, {"bench": url}, secret, enabled=enabled, **limits)

    def serving(
        self, name: str, urls: Mapping[str, str], secret: str, *, enabled: bool = True, **limits: Any
    ) -> DispatcherProcess:
        """A dispatcher of several providers, by name; every order goes to all of them."""
        folder = self.machine.folder
        config = folder / f"{name}.toml"
        config.write_text(_configuration(self, urls, secret, enabled=enabled, limits=limits))
        return DispatcherProcess(config, folder / f"{name}.log")


@asynccontextmanager
async def site(machine: Machine, partitions: int = 12) -> AsyncIterator[Site]:
    """New topics and a new database."""
    topics = await new_topics(machine.kafka, partitions)
    async with machine.databases.migrated("dispatcher") as url:
        yield Site(machine, topics, url)


def _configuration(site: Site, urls: Mapping[str, str], secret: str, *, enabled: bool, limits: dict[str, Any]) -> str:
    quoted = json.dumps
    lines = [
        '[log]\nlevel = "info"\nformat = "json"',
        f"[kafka]\nbootstrap_servers = {quoted(site.machine.kafka)}",
        "[topics]",
        *(f"{name} = {quoted(value)}" for name, value in site.topics.model_dump().items()),
        f"[dispatcher]\nport = 0\ndatabase_url = {quoted(source_of(site.database_url))}",
        f"digest_key = {quoted(source_of('bench'))}",
    ]
    for provider, url in urls.items():
        lines += [
            f'[providers.{provider}]\nadapter = "webhook"\nenabled = {quoted(enabled)}',
            f"[providers.{provider}.config]\nurl = {quoted(url)}\nsecrets = [{quoted(source_of(secret))}]",
            f"[providers.{provider}.limits]",
            *(f"{name} = {quoted(value)}" for name, value in limits.items()),
        ]
    lines.append(f"[routing]\ndefault = {quoted(list(urls))}")
    return "\n".join(lines) + "\n"
