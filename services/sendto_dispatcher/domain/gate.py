"""Whether lanes of a provider may be claimed now. Rules 23 to 25 of the dispatcher's rules."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What the fleet knows of a provider, with the database's clock at the moment of reading."""

    now: datetime
    paused_at: datetime | None = None
    held_at: datetime | None = None
    hold_reason: str | None = None
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    blocked_until: datetime | None = None
    stopped_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """Claim as many as there are slots for."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Held, or the breaker is open: one lane may go out to see whether that has passed, another than `besides`."""

    besides: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shut:
    """Claim nothing; look again after `wait_s`, or when ops resume it (None)."""

    wait_s: float | None


Gate = Open | Probe | Shut


def gate(state: ProviderState) -> Gate:
    """Pause is by ops and nothing lifts it; hold and breaker let a probe through; Retry-After only waits."""
    if state.paused_at is not None:
        return Shut(None)
    if state.blocked_until is not None and state.blocked_until > state.now:
        return Shut((state.blocked_until - state.now).total_seconds())
    if state.held_at is None and state.opened_at is None:
        return Open()
    if state.probe_at is not None and state.probe_at > state.now:
        return Shut((state.probe_at - state.now).total_seconds())
    return Probe()
