"""What the overview shows: the relay at a glance, as the ops API tells it."""

from datetime import datetime

from pydantic import BaseModel

from sendto_dispatcher.ops.relays import RelayGlance


class TroubleShown(BaseModel):
    """One thing that is wrong."""

    name: str
    severity: int
    """2: orders do not arrive; 1: worrying"""
    sentence: str
    provider: str | None


class Gates(BaseModel):
    """What holds a provider back."""

    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    held_at: datetime | None
    hold_reason: str | None
    opened_at: datetime | None
    """since when its breaker is open"""
    probe_at: datetime | None
    blocked_until: datetime | None


class ProviderGlance(Gates):
    """A provider at a glance."""

    provider: str
    state: str
    """`serving`, `shadow`, `paused`, `held`, `down`, `waiting` (it asked to), `broken`, `disabled`, `not configured`"""
    problem: str | None
    """why it cannot be served, although it is configured"""
    lanes: dict[str, int]
    """how many, by state"""
    attempts_per_s: float
    failed_share: float
    p95_ms: float | None
    oldest_due_s: float
    oldest_unapplied_s: float
    rate_limit: str | None
    """as it is configured"""
    rate_per_s: float | None
    """requests a second that are let through: a little less than the limit"""
    rate_used: float | None
    """the part of the rate limit that the last minute used"""


class Process(BaseModel):
    """A dispatcher process."""

    id: str
    host: str
    pid: int
    release: str
    config_digest: str
    started_at: datetime


class ProcessGlance(Process):
    """A dispatcher process at a glance."""

    silent_s: float
    partitions: int
    """that it reads"""
    unready: dict[str, str]
    """what keeps it from being ready, by check"""
    refused: str | None
    """why the newest configuration is not in force there"""


class PartitionGlance(BaseModel):
    """A partition of the topic; `lag`: records not yet taken, null where no live process reads it."""

    topic: str
    partition: int
    next_offset: int
    updated_at: datetime
    lag: int | None


class Overview(BaseModel):
    """Everything at a glance."""

    at: datetime
    lanes_counted_at: datetime | None
    """when the lanes were counted; null where that is not done yet. Of many lanes it is some seconds ago."""
    troubles: list[TroubleShown]
    providers: list[ProviderGlance]
    processes: list[ProcessGlance]
    partitions: list[PartitionGlance]
    relays: list[RelayGlance]
    """where the configuration tells where they are"""
    lag: int
    """records on the topic that were not taken yet"""
    events_last_hour: int
    rejected_last_hour: int
    unrouted_last_hour: int
    configuration_refused: str | None
