"""Clocks that can be set while their process runs: Debian's `faketime`, which stands before the system's calls.

Only the wall clock is set: the monotonic one goes on, as it does when an administrator or NTP sets a real clock. The
library leaves two files of shared memory behind when its process is killed; `sweep` removes those of the dead.
"""

from pathlib import Path

_LIBRARIES = "*/faketime/libfaketime.so.1"
_SHARED = Path("/dev/shm")  # noqa: S108 - where the library keeps its files
_PREFIXES = ("faketime_shm_", "sem.faketime_sem_")
CACHED_S = 1
"""how long a process may take to see that its clock was set"""


def library() -> Path | None:
    """The library, where it is installed."""
    return next(iter(sorted(Path("/usr/lib").glob(_LIBRARIES))), None)


class Clock:
    """The wall clock of one process, or of a server with its children.

    Args:
        file: where the difference to the machine's clock is written.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ahead_s = 0.0

    @property
    def env(self) -> dict[str, str]:
        """The variables of whoever has this clock."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(CACHED_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_ahead(self, ahead_s: float) -> None:
        """Set it so far before the machine's clock; negative: behind."""
        self.ahead_s = ahead_s
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{ahead_s:+.3f}\n")
        draft.replace(self._file)


def sweep() -> None:
    """Remove what processes that are gone have left, so that a later process of the same number can start."""
    for prefix in _PREFIXES:
        for file in _SHARED.glob(f"{prefix}*"):
            if not Path(f"/proc/{file.name.removeprefix(prefix)}").exists():
                file.unlink(missing_ok=True)
