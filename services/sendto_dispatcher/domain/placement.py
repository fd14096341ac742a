"""Where a newly assigned partition is read from. Rule 7 of the dispatcher's rules; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a partition at its assignment."""

    cluster_id: str
    begin: int
    """first offset that the log still has"""
    end: int
    """offset of the next record to be written"""
    committed: int | None
    stored_cluster_id: str | None
    stored: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where to read, and what is to be said about it."""

    start: int
    gap: int = 0
    """records that left the log before they were taken"""
    behind_until: int | None = None
    """the database has lost what was made of the records below this offset"""
    reset: bool = False
    """the stored position is of another log"""


def place(known: Known) -> Placement:
    """The stored position decides; a committed offset that is lower is older, one that is higher proves a loss."""
    stored = known.stored
    if stored is not None and (known.stored_cluster_id != known.cluster_id or stored > known.end):
        return Placement(start=known.begin, reset=True)
    candidates = [offset for offset in (stored, known.committed) if offset is not None]
    wanted = min(candidates) if candidates else known.begin
    gap = max(0, known.begin - wanted)
    behind = stored is not None and known.committed is not None and stored < known.committed
    return Placement(start=max(wanted, known.begin), gap=gap, behind_until=known.committed if behind else None)
