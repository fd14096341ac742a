"""A disk that can be full: a memory file system of its own, whose size is changed while it is used."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOM_MIB = 4_096
"""more than any run needs; only what is written takes memory"""
_LEAST = 4_096
"""0 would mean without limit"""


class Disk:
    """A mounted folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, left_mib: float) -> None:
        """Leave so much room and no more."""
        stat = os.statvfs(self.folder)
        used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        self._resize(max(_LEAST, used + int(left_mib * 2**20)))

    def make_room(self) -> None:
        """Let it be large again."""
        self._resize(ROOM_MIB * 2**20)

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A disk for a block, in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={ROOM_MIB}m", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
