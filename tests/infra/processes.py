"""Our services as processes that may be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from infra.eventually import eventually
from sendto_cli.up.probes import http_ready


class Service:
    """`sendto NAME` as a process.

    Args:
        name: the command.
        env: its settings.
        url: where it will listen; its `/readyz` is asked.
        log: where its output goes.
    """

    def __init__(self, name: str, env: Mapping[str, str], url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self._name = name
        self._env = env
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", "sendto_cli", self._name),
                env=dict(os.environ) | dict(self._env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await eventually(self._is_ready)

    async def kill(self) -> None:
        """End it as a crash would."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def _is_ready(self) -> bool:
        assert self.is_running, f"{self._name} ended: {self.log.read_text()[-2000:]}"
        return await http_ready(self.url)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Run a service for a block."""
    await service.start()
    try:
        yield service
    finally:
        if service.is_running:
            await service.end(signal.SIGKILL)
