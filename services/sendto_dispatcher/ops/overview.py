"""The relay at a glance: providers, processes, events, and what is wrong in plain sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sendto.runtime.database import Database
from sendto.runtime.health import ReadinessCheck
from sendto_dispatcher.domain.troubles import Facts, ProcessFacts, ProviderFacts, troubles
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.store import overview as store
from sendto_dispatcher.store.story import LaneNumbers, database_now, provider_rows

Row = dict[str, Any]


class TroubleShown(BaseModel):
    """One thing that is wrong."""

    name: str
    severity: int
    """2: orders do not arrive; 1: worrying"""
    sentence: str
    provider: str | None


class ProviderGlance(BaseModel):
    """A provider at a glance."""

    provider: str
    state: str
    """`open`, `paused`, `held`, `down`, `waiting` (it asked us to), or `not configured`"""
    lanes: dict[str, int]
    """how many, by state"""
    attempts_per_s: float
    failed_share: float
    p95_ms: float | None
    oldest_due_s: float
    oldest_unapplied_s: float
    rate_per_s: float | None
    rate_used: float | None
    """the part of the rate limit that the last minute used"""
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    held_at: datetime | None
    hold_reason: str | None
    opened_at: datetime | None
    probe_at: datetime | None
    blocked_until: datetime | None


class ProcessGlance(BaseModel):
    """A dispatcher process."""

    id: str
    host: str
    pid: int
    release: str
    config_digest: str
    started_at: datetime
    silent_s: float


class PartitionGlance(BaseModel):
    """A partition of the topic; `lag` where the process that answers reads it."""

    topic: str
    partition: int
    next_offset: int
    updated_at: datetime
    lag: int | None


class Overview(BaseModel):
    """Everything at a glance."""

    at: datetime
    troubles: list[TroubleShown]
    providers: list[ProviderGlance]
    processes: list[ProcessGlance]
    partitions: list[PartitionGlance]
    events_last_hour: int
    rejected_last_hour: int
    unrouted_last_hour: int
    configuration_refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the process that answers knows of itself."""

    checks: Mapping[str, ReadinessCheck]
    lag: Callable[[], Mapping[int, int]]
    """records not yet taken, by partition that this process reads"""


class Glance:
    """Looks at everything."""

    def __init__(self, database: Database, current: Current, census: LaneCensus, watched: Watched) -> None:
        self._database = database
        self._current = current
        self._census = census
        self._watched = watched

    async def overview(self) -> Overview:
        """Everything at a glance, for the whole fleet.

        Raises:
            DatabaseAway: nothing can be told.
        """
        numbers = await self._census.numbers()
        async with self._database.connection() as connection:
            now = await database_now(connection)
            gates = await provider_rows(connection)
            attempts = await store.attempt_numbers(connection)
            events = await store.event_numbers(connection)
            positions = await store.position_rows(connection)
            replicas = await store.replica_rows(connection)
        facts = [self._facts(row, numbers, attempts.get(row["provider"]), now) for row in gates]
        found = troubles(
            Facts(
                providers=facts,
                processes=[
                    ProcessFacts(name=f"{r['host']}/{r['pid']}", digest=r["config_digest"], silent_s=r["silent_s"])
                    for r in replicas
                ],
                unready={name: why for name, check in self._watched.checks.items() if (why := await check())},
                refused=self._current().refused,
                lag_records=sum(self._watched.lag().values()),
                rejected=events["rejected"],
                unrouted=events["unrouted"],
                stale=events["stale"],
            )
        )
        lag = self._watched.lag()
        return Overview(
            at=now,
            troubles=[TroubleShown.model_validate(one, from_attributes=True) for one in found],
            providers=[_glance(fact, row, attempts.get(fact.name)) for fact, row in zip(facts, gates, strict=True)],
            processes=[ProcessGlance(**row) for row in replicas],
            partitions=[PartitionGlance(**row, lag=lag.get(row["partition"])) for row in positions],
            events_last_hour=events["events"],
            rejected_last_hour=events["rejected"],
            unrouted_last_hour=events["unrouted"],
            configuration_refused=self._current().refused,
        )

    def _facts(self, gates: Row, numbers: LaneNumbers, attempts: Row | None, now: datetime) -> ProviderFacts:
        name, current = gates["provider"], self._current()
        rate = current.rates.get(name)
        return ProviderFacts(
            name=name,
            now=now,
            configured=name in current.providers,
            lanes={state: lanes for (provider, state), lanes in numbers.counts.items() if provider == name},
            overdue_s=numbers.overdue_s.get(name, 0.0),
            behind_s=numbers.behind_s.get(name, 0.0),
            attempts=attempts["attempts"] if attempts else 0,
            failed=attempts["failed"] if attempts else 0,
            p95_ms=attempts["p95_ms"] if attempts else None,
            timeout_s=current.timeouts_s.get(name),
            rate_per_s=rate,
            tokens=_tokens(gates, rate, now),
            **{field: gates[field] for field in _GATES},
        )


_GATES = ("paused_at", "paused_by", "held_at", "hold_reason", "opened_at", "blocked_until")


def _tokens(gates: Row, rate_per_s: float | None, now: datetime) -> float | None:
    if rate_per_s is None or gates["tokens_at"] is None:
        return None
    flowed: float = rate_per_s * (now - gates["tokens_at"]).total_seconds()
    return float(gates["tokens"]) + flowed


def _glance(facts: ProviderFacts, gates: Row, attempts: Row | None) -> ProviderGlance:
    per_s = facts.attempts / max(attempts["over_s"], 1.0) if attempts else 0.0
    return ProviderGlance(
        provider=facts.name,
        state=_state(facts),
        lanes=dict(facts.lanes),
        attempts_per_s=per_s,
        failed_share=facts.failed / facts.attempts if facts.attempts else 0.0,
        p95_ms=facts.p95_ms,
        oldest_due_s=facts.overdue_s,
        oldest_unapplied_s=facts.behind_s,
        rate_per_s=facts.rate_per_s,
        rate_used=min(1.0, per_s / facts.rate_per_s) if facts.rate_per_s else None,
        pause_reason=gates["pause_reason"],
        probe_at=gates["probe_at"],
        **{field: gates[field] for field in _GATES},
    )


def _state(facts: ProviderFacts) -> str:
    if not facts.configured:
        return "not configured"
    if facts.paused_at is not None:
        return "paused"
    if facts.held_at is not None:
        return "held"
    if facts.opened_at is not None:
        return "down"
    if facts.blocked_until is not None and facts.blocked_until > facts.now:
        return "waiting"
    return "open"
