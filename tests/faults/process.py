"""Starts a service of ours as `sendto SERVICE` does, with failpoints that a file arms and, if asked, with planted bugs.

    python -m faults.process SERVICE [BUG ...]

The variable `FAULTS_ARMED` names the file. It is read at every place that the process passes, so that a process which
runs can be armed, and removed before the act: who comes back after it is not armed any more.
"""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from sendto.runtime.failpoints import Point, install

VARIABLE = "FAULTS_ARMED"


class Act(StrEnum):
    """What becomes of the process."""

    KILL = "kill"
    FREEZE = "freeze"
    """until somebody thaws it"""
    DELAY = "delay"


@dataclass(frozen=True, kw_only=True)
class Armed:
    """The place at which the process acts when it has passed it `after` times."""

    point: Point
    act: Act
    after: int = 0
    delay_s: float = 0.0

    def write(self, file: Path) -> None:
        """Arm whoever watches this file."""
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(file)


class Trigger:
    """Watches the file, and acts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = 0

    def __call__(self, point: Point) -> None:
        """The process has come to a place."""
        try:
            armed = Armed(**json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            self._passed = 0
            return
        if armed.point != point:
            return
        self._passed += 1
        if self._passed > armed.after:
            self._act(armed)

    def _act(self, armed: Armed) -> None:
        self._passed = 0
        self._file.unlink(missing_ok=True)
        sys.stderr.write(f'{{"event": "failpoint", "point": "{armed.point}", "act": "{armed.act}"}}\n')
        sys.stderr.flush()
        match Act(armed.act):
            case Act.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Act.FREEZE:
                os.kill(os.getpid(), signal.SIGSTOP)
            case Act.DELAY:
                time.sleep(armed.delay_s)


def main() -> None:
    """Arm, plant, and become the service."""
    service, *bugs = sys.argv[1:]
    armed = os.environ.get(VARIABLE)
    if armed:
        install(Trigger(Path(armed)))
    if bugs:
        from faults.planted import plant

        for bug in bugs:
            plant(bug)
    from sendto_cli.main import main as command

    sys.argv = ["sendto", service]
    command()


if __name__ == "__main__":
    main()
