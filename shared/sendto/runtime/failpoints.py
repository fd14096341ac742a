"""Named places on the hot paths at which a test may kill, freeze or delay the process.

In production nothing ever happens there: no setting, variable or argument switches anything on, and nothing that is
distributed calls `install`. A process of the fault harness does so before it starts its service. A place that nobody
watches costs one comparison.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Every place, in the order in which an order's customer passes them."""

    API_WRITE = "api.write"
    """a write has come; nothing is stored"""
    API_WRITTEN = "api.written"
    """its statements have run, and are not committed"""
    API_COMMITTED = "api.committed"
    """it is committed; the caller has no answer"""
    RELAY_READ = "relay.read"
    """unpublished rows are read; nothing is sent"""
    RELAY_SENDING = "relay.sending"
    """one of them is handed to the producer, others may follow"""
    RELAY_SENT = "relay.sent"
    """all are on the topic; none is marked"""
    RELAY_MARKED = "relay.marked"
    """all are marked as published"""
    INTAKE_BATCH = "intake.batch"
    """a batch has come from the topic"""
    INTAKE_WRITTEN = "intake.written"
    """its statements have run, and are not committed"""
    INTAKE_COMMITTED = "intake.committed"
    """it is committed; its offsets are not"""
    INTAKE_ACKNOWLEDGED = "intake.acknowledged"
    """its offsets are committed, or were refused"""
    ENGINE_TAKE = "engine.take"
    """requests are about to be taken from the bucket"""
    ENGINE_TAKEN = "engine.taken"
    """they are taken; nothing is claimed"""
    ENGINE_CLAIM = "engine.claim"
    """lanes are about to be claimed"""
    ENGINE_CLAIM_WRITTEN = "engine.claim_written"
    """the claim's statements have run, and are not committed"""
    ENGINE_CLAIMED = "engine.claimed"
    """the claim is committed; no call has begun"""
    ENGINE_CALL = "engine.call"
    """a call is about to begin"""
    ENGINE_CALLED = "engine.called"
    """it has ended; nothing is settled"""
    ENGINE_SETTLE = "engine.settle"
    """outcomes are about to be settled"""
    ENGINE_SETTLE_WRITTEN = "engine.settle_written"
    """the settle's statements have run, and have committed by themselves; nobody knows it yet"""
    ENGINE_SETTLED = "engine.settled"
    """the settle is committed"""


Act = Callable[[Point], None]

_act: Act | None = None


def reach(point: Point) -> None:
    """Say that the process has come to this place."""
    if _act is not None:
        _act(point)


def install(act: Act | None) -> None:
    """Call `act` at every place from now on; None: nothing, as it is from the start."""
    global _act  # noqa: PLW0603 - one for the process, like the process's own death
    _act = act
