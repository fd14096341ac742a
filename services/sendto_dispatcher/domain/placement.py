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
    taken: int | None = None
    """up to which this very process has taken records"""
    refused: bool = False
    """the broker has just refused to read on where it was read"""


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
    """The stored position decides; a committed offset that is lower is older, one that is higher proves a loss.

    Offsets are committed after positions are stored: so a committed offset without a position proves the loss of
    everything, and the partition is read from its beginning.
    """
    stored, committed, proof = known.stored, known.committed, _proof(known)
    if stored is not None and (known.stored_cluster_id != known.cluster_id or _of_another_log(known, stored)):
        return Placement(start=known.begin, reset=True)
    if stored is None:
        return Placement(start=known.begin, gap=known.begin if proof else 0, behind_until=proof or None)
    wanted = stored if committed is None else min(stored, committed)
    return Placement(
        start=max(wanted, known.begin),
        gap=max(0, known.begin - wanted),
        behind_until=proof if stored < proof else None,
    )


def _of_another_log(known: Known, stored: int) -> bool:
    """The log has never been so long; it may have grown meanwhile, but was shorter when it was read from there."""
    return stored > known.end or (known.refused and stored >= known.begin)


def _proof(known: Known) -> int:
    """Up to here records were surely taken once: an offset was committed, or this process took them from this log."""
    taken = known.taken if known.taken is not None and known.taken <= known.end else None
    return max(known.committed or 0, taken or 0)
