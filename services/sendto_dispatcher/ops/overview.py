"""The relay at a glance: providers, processes, events, and what is wrong in plain sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sendto.runtime.database import Database
from sendto.runtime.health import ReadinessCheck
from sendto_dispatcher.domain.troubles import SILENT_S, Facts, ProcessFacts, ProviderFacts, RelayFacts, troubles
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.ops.configured import Current, Reached
from sendto_dispatcher.ops.glances import Overview, PartitionGlance, ProcessGlance, ProviderGlance, TroubleShown
from sendto_dispatcher.ops.lately import Lately
from sendto_dispatcher.ops.relays import RelayGlance, Relays
from sendto_dispatcher.store import overview as store
from sendto_dispatcher.store.census import LaneNumbers, lane_numbers
from sendto_dispatcher.store.story import provider_rows

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the process that answers knows of itself, fresher than what it has written down; and of the relays."""

    replica: str
    checks: Mapping[str, ReadinessCheck]
    lag: Callable[[], Mapping[str, int]]
    """records not yet taken, by partition that this process reads"""
    relays: Relays


class Glance:
    """Looks at everything."""

    def __init__(
        self, database: Database, current: Current, census: LaneCensus, lately: Lately, watched: Watched
    ) -> None:
        self._database = database
        self._current = current
        self._census = census
        self._lately = lately
        self._watched = watched

    async def overview(self) -> Overview:
        """Everything at a glance, for the whole fleet.

        Raises:
            DatabaseAway: nothing can be told.
        """
        await self._census.look()
        await self._lately.look()
        async with self._database.connection() as connection:
            numbers = await lane_numbers(connection)
            gates = await provider_rows(connection)
            positions = await store.position_rows(connection)
            replicas = await store.replica_rows(connection)
        lately, now = self._lately.told, numbers.now
        attempts, events = lately.attempts, lately.events
        replicas = [await self._freshest(row) for row in replicas]
        lag = _lag_of_all(replicas)
        relays = await self._watched.relays.told()
        broken = {name: why for row in replicas if _is_live(row) for name, why in row["broken"].items()}
        reached = self._current().reached
        facts = [self._facts(row, numbers, attempts.get(row["provider"]), now, broken) for row in gates]
        found = troubles(
            Facts(
                providers=facts,
                processes=[_process_facts(row) for row in replicas],
                relays=[_relay_facts(one) for one in relays],
                lag_records=sum(lag.values()),
                rejected=events["rejected"],
                unrouted=events["unrouted"],
                stale=events["stale"],
                incidents=lately.incidents,
            )
        )
        return Overview(
            at=now,
            lanes_counted_at=numbers.counted_at,
            troubles=[TroubleShown.model_validate(one, from_attributes=True) for one in found],
            providers=[
                _glance(fact, row, attempts.get(fact.name), reached.get(fact.name))
                for fact, row in zip(facts, gates, strict=True)
            ],
            processes=[ProcessGlance(**row, partitions=len(row["lag"])) for row in replicas],
            partitions=[PartitionGlance(**row, lag=lag.get(str(row["partition"]))) for row in positions],
            relays=relays,
            lag=sum(lag.values()),
            events_last_hour=events["events"],
            rejected_last_hour=events["rejected"],
            unrouted_last_hour=events["unrouted"],
            configuration_refused=self._current().refused,
        )

    async def _freshest(self, replica: Row) -> Row:
        """What a process said of itself; of this one what it says now."""
        if replica["id"] != self._watched.replica:
            return replica
        current = self._current()
        return replica | {
            "lag": self._watched.lag(),
            "unready": {name: why for name, check in self._watched.checks.items() if (why := await check())},
            "broken": current.broken,
            "refused": current.refused,
        }

    def _facts(
        self, gates: Row, numbers: LaneNumbers, attempts: Row | None, now: datetime, broken: Mapping[str, str]
    ) -> ProviderFacts:
        name, current = gates["provider"], self._current()
        rate = current.rates.get(name)
        return ProviderFacts(
            name=name,
            now=now,
            configured=name in current.providers,
            disabled=name in current.disabled,
            problem=broken.get(name),
            lanes={state: lanes for (provider, state), lanes in numbers.counts.items() if provider == name},
            overdue_s=numbers.overdue_s.get(name, 0.0),
            behind_s=numbers.behind_s.get(name, 0.0),
            attempts=attempts["attempts"] if attempts else 0,
            failed=attempts["failed"] if attempts else 0,
            p95_ms=attempts["p95_ms"] if attempts else None,
            timeout_s=current.timeouts_s.get(name),
            limit=self._current().limits.get(name),
            tokens=tokens_left(gates, rate, now),
            **{field: gates[field] for field in _GATES},
        )


def _is_live(replica: Row) -> bool:
    return bool(replica["silent_s"] <= SILENT_S)


def _lag_of_all(replicas: Sequence[Row]) -> dict[str, int]:
    """Records not yet taken, by partition, as the live processes that read them say."""
    lag: dict[str, int] = {}
    for replica in filter(_is_live, replicas):
        lag |= replica["lag"]
    return lag


def _process_facts(replica: Row) -> ProcessFacts:
    return ProcessFacts(
        name=f"{replica['host']}/{replica['pid']}",
        digest=replica["config_digest"],
        silent_s=replica["silent_s"],
        unready=replica["unready"],
        refused=replica["refused"],
    )


def _relay_facts(relay: RelayGlance) -> RelayFacts:
    return RelayFacts(
        url=relay.url,
        problem=relay.problem,
        events=relay.outbox_events or 0,
        oldest_s=relay.outbox_oldest_s or 0.0,
    )


_GATES = ("paused_at", "paused_by", "held_at", "hold_reason", "opened_at", "blocked_until")


def tokens_left(gates: Mapping[str, Any], rate_per_s: float | None, now: datetime) -> float | None:
    """Requests that may go out by now; None where there is no limit, or none was used."""
    if rate_per_s is None or gates["tokens_at"] is None:
        return None
    flowed: float = rate_per_s * (now - gates["tokens_at"]).total_seconds()
    return float(gates["tokens"]) + flowed


def _glance(facts: ProviderFacts, gates: Row, attempts: Row | None, reached: Reached | None) -> ProviderGlance:
    shadow = reached is not None and reached.shadow
    rate_per_s = reached.bucket.rate_per_s if reached is not None and reached.bucket is not None else None
    per_s = facts.attempts / max(attempts["over_s"], 1.0) if attempts else 0.0
    return ProviderGlance(
        provider=facts.name,
        state="shadow" if shadow and _state(facts) == "serving" else _state(facts),
        problem=facts.problem,
        lanes=dict(facts.lanes),
        attempts_per_s=per_s,
        failed_share=facts.failed / facts.attempts if facts.attempts else 0.0,
        p95_ms=facts.p95_ms,
        oldest_due_s=facts.overdue_s,
        oldest_unapplied_s=facts.behind_s,
        rate_limit=facts.limit,
        rate_per_s=rate_per_s,
        rate_used=min(1.0, per_s / rate_per_s) if rate_per_s else None,
        pause_reason=gates["pause_reason"],
        probe_at=gates["probe_at"],
        **{field: gates[field] for field in _GATES},
    )


def _state(facts: ProviderFacts) -> str:
    if facts.problem is not None:
        return "broken"
    if not facts.configured:
        return "disabled" if facts.disabled else "not configured"
    if facts.paused_at is not None:
        return "paused"
    if facts.held_at is not None:
        return "held"
    if facts.opened_at is not None:
        return "down"
    if facts.blocked_until is not None and facts.blocked_until > facts.now:
        return "waiting"
    return "serving"
