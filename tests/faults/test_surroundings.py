"""What faults do to a process's surroundings, tried on processes that do nothing else."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from time import time

import pytest
from faults.rig.clocks import Clock, sweep
from faults.rig.disk import mounted
from faults.rig.network import island
from faults.rig.surroundings import Need, lacks
from infra.eventually import eventually
from infra.tools import tool

_ABOUT_S = 60.0
_TELLS = """
import sys, time
for line in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""


async def test_a_clock_is_set_while_its_process_runs_and_the_monotonic_one_goes_on(tmp_path: Path) -> None:
    tool("faketime")
    clock = Clock(tmp_path / "clock")
    clock.set_ahead(0.0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _TELLS),
        env=dict(os.environ) | clock.env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        _, monotonic = await _told(process)
        for ahead_s in (3_600.0, -3_600.0):
            clock.set_ahead(ahead_s)

            async def is_set(ahead_s: float = ahead_s) -> bool:
                wall, _ = await _told(process)
                return abs(wall - time() - ahead_s) < _ABOUT_S

            await eventually(is_set)
        assert 0 < (await _told(process))[1] - monotonic < 3_600
    finally:
        process.kill()
        await process.wait()
    sweep()
    assert not _left_by(process.pid)


async def _told(process: asyncio.subprocess.Process) -> tuple[float, float]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"\n")
    wall, monotonic = (await process.stdout.readline()).split()
    return float(wall), float(monotonic)


def _left_by(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"*faketime*_{pid}"))  # noqa: S108 - where the library keeps its files


@pytest.mark.faults
def test_a_disk_is_full_and_has_room_again(tmp_path: Path) -> None:
    assert lacks(Need.DISK) == []
    with mounted(tmp_path / "disk") as disk:
        disk.fill(0.0)
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "file").write_bytes(b"x" * 2**21)
        disk.make_room()
        (disk.folder / "file").write_bytes(b"x" * 2**21)


@pytest.mark.faults
def test_a_wire_is_cut_and_joined_again() -> None:
    assert lacks(Need.NETWORK) == []
    listen = (
        "import socket, sys; s = socket.create_server((sys.argv[1], 0)); print(s.getsockname()[1], flush=True); input()"
    )
    with island() as place:
        near = place.wires["kafka"].near
        server = subprocess.Popen(
            [sys.executable, "-c", listen, near], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdout
        connect = [
            *place.prefix,
            *(sys.executable, "-c", "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"),
            *(near, server.stdout.readline().strip()),
        ]
        try:
            assert subprocess.run(connect, check=False).returncode == 0
            place.cut("kafka")
            assert subprocess.run(connect, check=False, stderr=subprocess.DEVNULL).returncode != 0
            place.join("kafka")
            assert subprocess.run(connect, check=False).returncode == 0
        finally:
            server.communicate("\n")
