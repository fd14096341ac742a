"""One part's process: started, watched, restarted when it dies, stopped."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from sendto_cli.up.errors import UpFailed

_LOG_LIMIT_BYTES = 20_000_000
_QUICK_DEATH_S = 5.0
_PAUSE_S = 0.1
_PAUSE_CAP_S = 15.0
_READY_POLL_S = 0.1
_TAIL_BYTES = 8_192


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is to run."""

    name: str
    command: Sequence[str]
    log: Path
    """standard output and error"""
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=dict)
    """besides this process's environment"""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 5.0
    """after the signal; then it is killed"""


def restart_pause_s(quick_deaths: int) -> float:
    """How long to wait before starting a part again that died `quick_deaths` times soon after its start (pure)."""
    return 0.0 if quick_deaths <= 1 else min(_PAUSE_CAP_S, _PAUSE_S * 2 ** (quick_deaths - 1))


class PartProcess:
    """Keeps one part running until it is stopped.

    Args:
        part: what to run.
        on_change: called whenever the process or its readiness changed.
        say: tells the person at the terminal.
    """

    def __init__(self, part: Part, on_change: Callable[[], None], say: Callable[[str], None]) -> None:
        self.part = part
        self.is_ready = False
        self._on_change = on_change
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._became_ready = asyncio.Event()
        self.quick_deaths = 0

    @property
    def pid(self) -> int | None:
        """The process's id, while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Start the process and keep it running."""
        self._keeping = asyncio.create_task(self._keep(), name=self.part.name)

    async def wait_ready(self) -> None:
        """Wait until the part is ready for the first time.

        Raises:
            UpFailed: it dies again and again before that; says what it said last.
        """
        ready = asyncio.create_task(self._became_ready.wait())
        assert self._keeping is not None
        await asyncio.wait({ready, self._keeping}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._keeping.done():
            await self._keeping

    async def stop(self) -> None:
        """Stop the process, with its signal first and, once its time is over, with SIGKILL."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        process = self._process
        if process is None or process.returncode is not None:
            return
        _send(process, self.part.stop_signal)
        try:
            async with asyncio.timeout(self.part.stop_timeout_s):
                await process.wait()
        except TimeoutError:
            self._say(f"{self.part.name} does not stop, it is killed")
            _send(process, signal.SIGKILL)
            await process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            _send(self._process, signal.SIGKILL)

    async def _keep(self) -> None:
        while True:
            started = monotonic()
            code = await self._run()
            lived_s = monotonic() - started
            self.quick_deaths = self.quick_deaths + 1 if lived_s < _QUICK_DEATH_S else 0
            if self.quick_deaths > 2 and not self._became_ready.is_set():  # noqa: PLR2004 - two more tries
                raise UpFailed(f"{self.part.name} does not start: {last_line(self.part.log) or _ending(code)}")
            pause_s = restart_pause_s(self.quick_deaths)
            self._say(f"{self.part.name} {_ending(code)} after {lived_s:.1f} s, restarted{_pausing(pause_s)}")
            await asyncio.sleep(pause_s)

    async def _run(self) -> int:
        """One life of the process; its exit code."""
        _make_room(self.part.log)
        with self.part.log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *_dying_with_us(self.part.stop_signal),
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(os.environ) | dict(self.part.env),
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
            )
        self._on_change()
        watching = asyncio.create_task(self._watch_readiness())
        try:
            return await process.wait()
        finally:
            watching.cancel()
            self.is_ready = False
            self._on_change()

    async def _watch_readiness(self) -> None:
        while not await self.part.ready():  # noqa: ASYNC110 - another process, which sets no event of ours
            await asyncio.sleep(_READY_POLL_S)
        self.is_ready = True
        self._became_ready.set()
        self._on_change()


def last_line(log: Path) -> str:
    """The last line of a log, where a process that gives up says why."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _dying_with_us(stop_signal: signal.Signals) -> list[str]:
    """Makes the kernel stop the part when this process is killed; without the tool, the next start does."""
    setpriv = shutil.which("setpriv")
    return [setpriv, f"--pdeathsig={stop_signal.name.removeprefix('SIG')}", "--"] if setpriv else []


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _pausing(pause_s: float) -> str:
    return f" in {pause_s:.1f} s" if pause_s else ""


def _make_room(log: Path) -> None:
    """Keep one older log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
