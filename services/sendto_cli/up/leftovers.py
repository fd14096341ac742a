"""What a supervisor that was killed left running: remembered by process id and start time, ended at the next start."""

import contextlib
import json
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from sendto_cli.up import files

_GRACE_S = 8.0
_SAME_START_S = 0.05


def remember(home: Path, pids: Mapping[str, int]) -> None:
    """Note the running processes."""
    known = []
    for pid in pids.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            known.append([pid, psutil.Process(pid).create_time()])
    files.write(_file(home), json.dumps(known))


def end(home: Path) -> int:
    """End every process of an earlier supervisor that still runs; how many did. Blocks until they are gone."""
    processes = list(_still_running(files.read_json(_file(home))))
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            # A fast shutdown to PostgreSQL, a stop to all others.
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=_GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_GRACE_S)
    return len(processes)


def _still_running(known: object) -> Iterable[psutil.Process]:
    for entry in known if isinstance(known, list) else []:
        pid, started = entry
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - started) < _SAME_START_S and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _file(home: Path) -> Path:
    return home / "processes.json"
