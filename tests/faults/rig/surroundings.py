"""What a machine must offer for some faults, and whether it does. Nothing is left out silently."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faults.rig.clocks import Clock, library
from faults.rig.disk import Disk, mounted
from faults.rig.network import Island, island


class Need(StrEnum):
    """What a fault may need besides processes."""

    CLOCK = "clock"
    DISK = "disk"
    NETWORK = "network"


_ROOT = "root's rights"
_LACKS: dict[Need, Callable[[], list[str]]] = {
    Need.CLOCK: lambda: [] if library() else ["Debian's package faketime"],
    Need.DISK: lambda: _lacking("mount", "umount"),
    Need.NETWORK: lambda: _lacking("ip", "nsenter"),
}


def _lacking(*programs: str) -> list[str]:
    found = [f"the program {program}" for program in programs if shutil.which(program) is None]
    return [*found, *([] if os.geteuid() == 0 else [_ROOT])]


def lacks(need: Need) -> list[str]:
    """What is missing on this machine."""
    return _LACKS[need]()


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the system under test stands in. None: as the machine has it."""

    clocks: bool = False
    """whether services and PostgreSQL have clocks of their own"""
    disk: Disk | None = None
    """under PostgreSQL"""
    island: Island | None = None
    """the first dispatcher's"""

    def clock(self, file: Path) -> Clock | None:
        """A clock for a process."""
        if not self.clocks:
            return None
        clock = Clock(file)
        clock.set_ahead(0.0)
        return clock


@contextmanager
def surroundings(folder: Path, needs: frozenset[Need]) -> Iterator[Surroundings]:
    """What is needed, for a block; `folder` becomes PostgreSQL's disk."""
    with ExitStack() as stack:
        yield Surroundings(
            clocks=Need.CLOCK in needs,
            disk=stack.enter_context(mounted(folder)) if Need.DISK in needs else None,
            island=stack.enter_context(island()) if Need.NETWORK in needs else None,
        )
