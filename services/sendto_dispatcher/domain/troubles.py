"""What is wrong with the relay, in plain sentences, the worst first. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is."""

    BROKEN = 2
    """orders do not arrive, and will not by themselves"""
    WORRYING = 1
    """it passes by itself, or somebody decided so, or a few orders need a person"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: its name, as alerts and runbooks have it, and what to do."""

    name: str
    severity: Severity
    sentence: str
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """What is known of a provider."""

    name: str
    now: datetime
    configured: bool = True
    disabled: bool = False
    problem: str | None = None
    """why a process cannot serve it, although it is configured"""
    lanes: Mapping[str, int] = field(default_factory=dict)
    """how many, by state"""
    overdue_s: float = 0.0
    behind_s: float = 0.0
    attempts: int = 0
    """in the last minute"""
    failed: int = 0
    p95_ms: float | None = None
    timeout_s: float | None = None
    limit: str | None = None
    """its rate limit as it is configured, where it has one"""
    tokens: float | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    held_at: datetime | None = None
    hold_reason: str | None = None
    opened_at: datetime | None = None
    blocked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """What is known of a dispatcher process."""

    name: str
    digest: str
    silent_s: float
    unready: Mapping[str, str] = field(default_factory=dict)
    """what keeps it from being ready, by check"""
    refused: str | None = None
    """why the newest configuration is not in force there"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFacts:
    """What is known of a relay of the API."""

    url: str
    problem: str | None = None
    events: int = 0
    """that wait in the outbox"""
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the relay."""

    providers: Sequence[ProviderFacts] = ()
    processes: Sequence[ProcessFacts] = ()
    relays: Sequence[RelayFacts] = ()
    """where the configuration tells where they are"""
    lag_records: int = 0
    """on all partitions"""
    rejected: int = 0
    """events of the last hour"""
    unrouted: int = 0
    stale: int = 0
    incidents: Sequence[str] = ()
    """what was found within the last hour, as the record of changes names it"""


SILENT_S = 15.0
LATE_S = 30.0
UNAPPLIED_S = 900.0
LAGGING_RECORDS = 1_000
_MANY_FAILED = 0.5
_ENOUGH = 10
_SLOW_SHARE = 0.8


def troubles(facts: Facts) -> list[Trouble]:
    """All that is wrong, the worst first."""
    live = [one for one in facts.processes if one.silent_s <= SILENT_S]
    found = [*_of_processes(live), *_of_silent(facts), *_of_relays(facts.relays), *_of_events(facts)]
    for provider in facts.providers:
        found += _of_provider(provider)
    return sorted(found, key=lambda one: -one.severity)


def _of_processes(live: Sequence[ProcessFacts]) -> Iterator[Trouble]:
    """What live processes say of themselves; what several say is told once."""
    unready = dict.fromkeys((check, why) for one in live for check, why in one.unready.items())
    for check, why in unready:
        who = _who([one for one in live if one.unready.get(check) == why], len(live))
        yield Trouble(f"not_ready_{check}", Severity.BROKEN, f"{who} not ready: {why}.")
    for refused in dict.fromkeys(one.refused for one in live if one.refused):
        yield Trouble(
            "configuration_refused", Severity.WORRYING, f"The newest configuration is not in force: {refused}"
        )
    if len({one.digest for one in live}) > 1:
        yield Trouble(
            "configuration_differs",
            Severity.WORRYING,
            "The processes have different configurations: reload those that are behind.",
        )


def _who(concerned: Sequence[ProcessFacts], live: int) -> str:
    if len(concerned) == live:
        return "The dispatcher is" if live == 1 else f"All {live} processes are"
    return f"Process {concerned[0].name} is" if len(concerned) == 1 else f"{len(concerned)} of {live} processes are"


def _of_silent(facts: Facts) -> Iterator[Trouble]:
    for process in facts.processes:
        if process.silent_s > SILENT_S:
            yield Trouble(
                "process_silent",
                Severity.WORRYING,
                f"Process {process.name} was not heard for {process.silent_s:.0f} s: it is frozen, cut off or gone.",
            )


def _of_relays(relays: Sequence[RelayFacts]) -> Iterator[Trouble]:
    broken = [one for one in relays if one.problem is not None]
    if relays and len(broken) == len(relays):
        words = "; ".join(f"{one.url}: {one.problem}" for one in broken)
        yield Trouble("relay_away", Severity.BROKEN, f"No relay publishes what the API has stored ({words}).")
    elif broken:
        words = "; ".join(f"{one.url}: {one.problem}" for one in broken)
        yield Trouble("relay_away", Severity.WORRYING, f"{len(broken)} of {len(relays)} relays is away ({words}).")
    oldest = max((one for one in relays if one.problem is None), key=lambda one: one.oldest_s, default=None)
    if oldest is not None and oldest.oldest_s > LATE_S:
        yield Trouble(
            "outbox_growing",
            Severity.BROKEN,
            f"{_events(oldest.events)} waiting in the outbox, the oldest for {oldest.oldest_s:.0f} s: "
            "the relay does not publish them.",
        )


_INCIDENTS = {
    "database_behind": (
        "The database was found to have lost commits (restored, or failed over): what it lost is taken again, and what "
        "providers hold is looked up."
    ),
    "intake_gap": (
        "Events had left the topic before they were taken: have them published again, by sendto relay republish."
    ),
    "position_reset": "The topic was found to be another one: it is read from its beginning.",
}


def _of_events(facts: Facts) -> Iterator[Trouble]:
    if facts.lag_records > LAGGING_RECORDS:
        yield Trouble("intake_lagging", Severity.BROKEN, f"{facts.lag_records} events on the topic are not taken yet.")
    for incident in facts.incidents:
        if incident in _INCIDENTS:
            yield Trouble(incident, Severity.WORRYING, _INCIDENTS[incident])
    if facts.rejected:
        yield Trouble(
            "events_rejected",
            Severity.WORRYING,
            f"{_events(facts.rejected)} of the last hour rejected: see sendto rejected list.",
        )
    if facts.unrouted:
        yield Trouble(
            "orders_unrouted",
            Severity.WORRYING,
            f"{_events(facts.unrouted)} of the last hour without a route: see sendto routes unrouted.",
        )
    if facts.stale >= _ENOUGH:
        yield Trouble(
            "events_stale",
            Severity.WORRYING,
            f"{_events(facts.stale)} of the last hour dropped as stale: a producer may have lost its versions.",
        )


def _of_provider(one: ProviderFacts) -> Iterator[Trouble]:
    stopped = _stopped(one)
    if stopped is not None:
        yield stopped
    elif one.configured:
        yield from _slow_or_failing(one)
    yield from _given_up(one)


def _stopped(one: ProviderFacts) -> Trouble | None:
    """What holds back all lanes of the provider."""
    name = one.name
    under_way = sum(one.lanes.get(state, 0) for state in ("due", "waiting", "leased"))
    if one.problem is not None:
        words = f"{name} cannot be served: {one.problem}. Waiting: {_lanes(under_way)}."
        return Trouble("provider_broken", Severity.BROKEN, words, name)
    if one.disabled:
        words = f"{name} is disabled in the configuration. Waiting: {_lanes(under_way)}."
        return Trouble("provider_disabled", Severity.WORRYING, words, name) if under_way else None
    if not one.configured:
        words = f"No provider {name} is configured. Waiting: {_lanes(under_way)}."
        return Trouble("provider_not_configured", Severity.WORRYING, words, name) if under_way else None
    if one.paused_at is not None:
        words = f"{name} is paused by {one.paused_by or 'hand'} since {_time(one.paused_at)}: sendto resume {name}."
        return Trouble("provider_paused", Severity.WORRYING, words, name)
    if one.held_at is not None:
        words = f"{name} is held since {_time(one.held_at)} ({one.hold_reason}): check its credentials and address."
        return Trouble("provider_held", Severity.BROKEN, words, name)
    if one.opened_at is not None:
        words = f"{name} is down since {_time(one.opened_at)}; it is probed, and goes on by itself."
        return Trouble("provider_down", Severity.BROKEN, words, name)
    if one.blocked_until is not None and one.blocked_until > one.now:
        words = f"{name} asked us to wait until {_time(one.blocked_until)}."
        return Trouble("provider_asks_to_wait", Severity.WORRYING, words, name)
    return None


def _slow_or_failing(one: ProviderFacts) -> Iterator[Trouble]:
    name = one.name
    if one.attempts >= _ENOUGH and one.failed / one.attempts > _MANY_FAILED:
        words = f"{name}: {one.failed} of the last minute's {one.attempts} attempts failed."
        yield Trouble("provider_failing", Severity.BROKEN, words, name)
    if one.p95_ms is not None and one.timeout_s and one.p95_ms > one.timeout_s * 1000 * _SLOW_SHARE:
        words = f"{name} is slow: one attempt in twenty takes more than {one.p95_ms / 1000:.1f} s."
        yield Trouble("provider_slow", Severity.WORRYING, words, name)
    if one.overdue_s <= LATE_S:
        if one.behind_s > UNAPPLIED_S:
            words = f"{name} does not have a change that is {one.behind_s / 60:.0f} minutes old: single orders fail."
            yield Trouble("changes_unapplied", Severity.WORRYING, words, name)
        return
    if one.limit is not None and one.tokens is not None and one.tokens < 1:
        words = (
            f"{name}: the rate limit of {one.limit} is used up; the oldest order has waited for {one.overdue_s:.0f} s."
        )
        yield Trouble("rate_limit_exhausted", Severity.WORRYING, words, name)
    elif not one.attempts and not one.lanes.get("leased"):
        words = f"{name}: nothing was tried for a minute, although an order is due for {one.overdue_s:.0f} s."
        yield Trouble("no_attempts", Severity.BROKEN, words, name)
    else:
        words = f"{name} takes less than there is: the oldest order has waited for {one.overdue_s:.0f} s."
        yield Trouble("provider_behind", Severity.WORRYING, words, name)


_GIVEN_UP = {
    "dead": ("lanes_dead", "given up or refused"),
    "unknown": ("lanes_unknown", "with an unknown outcome, for a person to look at"),
    "taken": ("lanes_taken", "with a reference that another source owns"),
}


def _given_up(one: ProviderFacts) -> Iterator[Trouble]:
    for state, (name, words) in _GIVEN_UP.items():
        if count := one.lanes.get(state, 0):
            see = f"see sendto lanes --provider {one.name} --state {state}"
            yield Trouble(name, Severity.WORRYING, f"{one.name} has {_lanes(count)} {words}: {see}.", one.name)


def _lanes(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
