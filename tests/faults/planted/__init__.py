"""Bugs that the harness must find: each replaces one piece of a process under test, in that process only."""

from collections.abc import Callable

from faults.planted import claims, intake, relay, settles

BUGS: dict[str, Callable[[], None]] = {**claims.BUGS, **intake.BUGS, **relay.BUGS, **settles.BUGS}
"""by name: what plants it"""


def plant(name: str) -> None:
    """Put a bug into this process."""
    BUGS[name]()
