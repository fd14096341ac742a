"""The `sendto` command as a user runs it, and systems that it brought up."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sendto_cli.home import Run

_START_S = 120.0
_POLL_S = 0.05
COMMAND = [sys.executable, "-m", "sendto_cli"]


def sendto(
    *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=_environment(env),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=_START_S,
        check=False,
    )


class System:
    """A system that `sendto up` brought up in a home.

    Args:
        home: its home.
        options: further options.
    """

    def __init__(self, home: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.output = home.with_suffix(".output")
        self._command = [*COMMAND, "up", "--home", str(home), *options]
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Run:
        """Bring it up and wait until everything is ready."""
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=_environment(self._env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.when_ready()

    def when_ready(self) -> Run:
        """Wait until everything is ready."""
        deadline = monotonic() + _START_S
        while True:
            run = self.run
            if run is not None and run.ready:
                return run
            assert self._process is not None
            assert self._process.poll() is None, self.output.read_text()
            assert monotonic() < deadline, self.output.read_text()
            sleep(_POLL_S)

    @property
    def run(self) -> Run | None:
        """What `run.json` says now."""
        try:
            return Run.model_validate(json.loads((self.home / "run.json").read_bytes()))
        except FileNotFoundError:
            return None

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the supervisor has ended; its exit code."""
        assert self._process is not None
        return self._process.wait(_START_S)

    @contextmanager
    def running(self) -> Iterator["System"]:
        """Keep it up for a block."""
        self.start()
        try:
            yield self
        finally:
            if self._process is not None and self._process.poll() is None:
                self.send(signal.SIGINT)
                self.wait()


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SENDTO_")}
    return clean | dict(more or {})
