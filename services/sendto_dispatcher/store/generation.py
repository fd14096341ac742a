"""The next generation of a lane's desired side. Rule 2 of the dispatcher's rules."""

from typing import Final

CLOCK_MS: Final = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
"""The first generation of a new lane. The statement's time: within one statement it reads the same everywhere."""
NEXT: Final = f"greatest(lane.desired_generation + 1, {CLOCK_MS})"
"""The one after a lane's present generation, in an UPDATE of `lane`.

It is ahead of the clock only by changes within a millisecond, so that a database restored from a backup does not hand
a generation out again that it has forgotten.
"""
