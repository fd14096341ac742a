"""Gauges of lanes, providers and processes, brought up to date when metrics are scraped.

What is read from the database is the fleet's: every process shows the same, so take the largest, not the sum. What is
of this process alone says so in its words.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from prometheus_client import Gauge

from sendto.runtime.database import Database, DatabaseAway
from sendto_dispatcher.domain.troubles import SILENT_S
from sendto_dispatcher.domain.verdict import LaneWord
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.ops.configured import Configured, Current
from sendto_dispatcher.ops.overview import tokens_left
from sendto_dispatcher.store.census import LaneNumbers, lane_numbers
from sendto_dispatcher.store.overview import replica_rows
from sendto_dispatcher.store.story import provider_rows

Row = Mapping[str, Any]

_LANES = Gauge("sendto_lanes", "Lanes by provider and state.", ["provider", "state"])
_BEHIND = Gauge("sendto_lane_oldest_unapplied_seconds", "Age of the oldest change not yet applied.", ["provider"])
_OVERDUE = Gauge("sendto_lane_oldest_due_seconds", "How long the oldest due lane has been waiting.", ["provider"])
_STOPPED = Gauge(
    "sendto_provider_stopped",
    "1 where nothing is claimed for a provider: by pause (ops), hold (ours), breaker (ours) or wait (it asked us to).",
    ["provider", "by"],
)
_RATE = Gauge("sendto_provider_rate_limit_per_second", "Requests that the fleet may make.", ["provider"])
_TOKENS = Gauge("sendto_provider_rate_limit_left", "Requests that may go out now; negative: owed.", ["provider"])
_TIMEOUT = Gauge("sendto_provider_timeout_seconds", "How long an attempt may take.", ["provider"])
_UNSERVED = Gauge(
    "sendto_provider_unserved",
    "1 for a configured provider that this process does not serve: disabled, or its adapter is broken.",
    ["provider", "why"],
)
_PROCESSES = Gauge("sendto_dispatcher_processes", "Dispatcher processes: alive, or silent for a while.", ["state"])
_REFUSED = Gauge("sendto_configuration_refused", "1 while this process could not use the newest configuration.")
_HASH = Gauge("sendto_configuration_hash", "A number for this process's configuration: equal ones have equal numbers.")

_FLEET = (_LANES, _BEHIND, _OVERDUE, _STOPPED, _TOKENS, _PROCESSES)
_HASH_DIGITS = 12
"""of the digest, hexadecimal: as many as a floating-point number keeps"""

_ACTIVE = frozenset({"due", "waiting", "leased"})
"""states of lanes that go on by themselves, where their provider is served"""


class Gauges:
    """Keeps the gauges up to date."""

    def __init__(self, database: Database, current: Current, census: LaneCensus) -> None:
        self._database = database
        self._current = current
        self._census = census

    async def refresh(self) -> None:
        """Show what is; without the database nothing old is shown of it.

        Lanes are shown as they were found last, by whichever process: who scrapes does not wait until they are counted.
        """
        current = self._current()
        _show_configuration(current)
        self._census.wanted()
        try:
            async with self._database.connection() as connection:
                gates = await provider_rows(connection)
                numbers = await lane_numbers(connection)
                replicas = await replica_rows(connection)
        except DatabaseAway:
            _forget()
            return
        _forget()
        _show_lanes(with_parked(numbers, current.providers), current.providers)
        for row in gates:
            _show_gates(row, current.rates.get(row["provider"]), numbers.now)
        _show_processes(row["silent_s"] for row in replicas)


def _forget() -> None:
    for gauge in _FLEET:
        gauge.clear()


def _show_configuration(current: Configured) -> None:
    _REFUSED.set(current.refused is not None)
    _HASH.set(int(current.digest[:_HASH_DIGITS], 16))
    _UNSERVED.clear()
    for why, providers in (("disabled", current.disabled), ("broken", current.broken)):
        for provider in providers:
            _UNSERVED.labels(provider, why).set(1)
    for gauge, values in ((_RATE, current.rates), (_TIMEOUT, current.timeouts_s)):
        gauge.clear()
        for provider, value in values.items():
            if value is not None:
                gauge.labels(provider).set(value)


def _show_lanes(numbers: LaneNumbers, configured: Collection[str]) -> None:
    counted = {*configured, *(provider for provider, _ in numbers.counts)} if numbers.counted_at else ()
    for provider in counted:
        for word in LaneWord:  # also those that no lane is in: a first dead one is an increase then
            _LANES.labels(provider, str(word)).set(numbers.counts.get((provider, str(word)), 0))
    for gauge, ages_s in ((_BEHIND, numbers.behind_s), (_OVERDUE, numbers.overdue_s)):
        for provider, age_s in ages_s.items():
            gauge.labels(provider).set(age_s)


def _show_gates(row: Row, rate_per_s: float | None, now: datetime) -> None:
    blocked = row["blocked_until"]
    stops = {
        "pause": row["paused_at"] is not None,
        "hold": row["held_at"] is not None,
        "breaker": row["opened_at"] is not None,
        "wait": blocked is not None and blocked > now,
    }
    for by, stopped in stops.items():
        _STOPPED.labels(row["provider"], by).set(stopped)
    left = tokens_left(row, rate_per_s, now)
    if left is not None:
        _TOKENS.labels(row["provider"]).set(left)


def _show_processes(silences_s: Iterable[float]) -> None:
    silent = [silent_s > SILENT_S for silent_s in silences_s]
    _PROCESSES.labels("silent").set(sum(silent))
    _PROCESSES.labels("alive").set(len(silent) - sum(silent))


def with_parked(numbers: LaneNumbers, configured: Collection[str]) -> LaneNumbers:
    """Rule 33: lanes whose provider is not served are counted apart, and left out of how fresh the others are."""
    counts: dict[tuple[str, str], int] = {}
    for (provider, state), lanes in numbers.counts.items():
        word = "parked" if state in _ACTIVE and provider not in configured else state
        counts[provider, word] = counts.get((provider, word), 0) + lanes
    return replace(
        numbers,
        counts=counts,
        behind_s={provider: age_s for provider, age_s in numbers.behind_s.items() if provider in configured},
        overdue_s={provider: age_s for provider, age_s in numbers.overdue_s.items() if provider in configured},
    )
