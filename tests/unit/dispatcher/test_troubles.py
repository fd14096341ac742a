"""What is wrong is named rightly, and what is well is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendto_dispatcher.domain.troubles import Facts, ProcessFacts, ProviderFacts, RelayFacts, Severity, troubles

NOW = datetime(2026, 3, 4, 14, 2, 11, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
LATER = NOW + timedelta(minutes=5)


def _provider(**fields: Any) -> Facts:
    given: dict[str, Any] = {"name": "acme", "now": NOW} | fields
    return Facts(providers=[ProviderFacts(**given)])


GONE, WELL = RelayFacts(url="http://one", problem="it is gone"), RelayFacts(url="http://two", events=3, oldest_s=1)


def _process(name: str, **fields: Any) -> ProcessFacts:
    given: dict[str, Any] = {"name": name, "digest": "same", "silent_s": 1.0} | fields
    return ProcessFacts(**given)


def _unready(*names: str, others: int = 0) -> Facts:
    unready = [_process(name, unready={"intake": "Kafka is away"}) for name in names]
    return Facts(processes=[*unready, *[_process("well")] * others])


def _refused(*names: str) -> Facts:
    return Facts(processes=[_process(name, refused="routes: missing") for name in names])


def _processes(*pairs: tuple[str, float]) -> Facts:
    return Facts(processes=[ProcessFacts(name="host/1", digest=digest, silent_s=silent) for digest, silent in pairs])


TOLD = [
    (
        _provider(paused_at=EARLIER, paused_by="eve"),
        "provider_paused",
        "paused by eve since 2026-03-04 13:57:11 UTC",
    ),
    (_provider(held_at=EARLIER, hold_reason="http_401"), "provider_held", "(http_401): check its credentials"),
    (_provider(opened_at=EARLIER), "provider_down", "acme is down since"),
    (_provider(blocked_until=LATER), "provider_asks_to_wait", "asked us to wait until 2026-03-04 14:07:11"),
    (
        _provider(configured=False, lanes={"waiting": 3}),
        "provider_not_configured",
        "No provider acme is configured. Waiting: 3 orders.",
    ),
    (_provider(attempts=20, failed=11), "provider_failing", "11 of the last minute's 20 attempts failed"),
    (_provider(behind_s=1_200.0, attempts=3), "changes_unapplied", "a change that is 20 minutes old"),
    (Facts(incidents=["replay", "database_behind"]), "database_behind", "found to have lost commits"),
    (Facts(incidents=["intake_gap"]), "intake_gap", "had left the topic"),
    (Facts(incidents=["position_reset"]), "position_reset", "from its beginning"),
    (_provider(p95_ms=9_000.0, timeout_s=10.0), "provider_slow", "more than 9.0 s"),
    (
        _provider(overdue_s=99.0, limit="1/s", tokens=0.2, attempts=60),
        "rate_limit_exhausted",
        "the rate limit of 1/s is used up; the oldest order has waited for 99 s",
    ),
    (_provider(overdue_s=99.0), "no_attempts", "nothing was tried for a minute, although an order is due for 99 s"),
    (_provider(overdue_s=99.0, lanes={"leased": 2}), "provider_behind", "takes less than there is"),
    (_provider(overdue_s=99.0, attempts=9), "provider_behind", "takes less than there is"),
    (_provider(lanes={"dead": 1}), "lanes_dead", "acme has 1 order given up or refused"),
    (_provider(lanes={"unknown": 2}), "lanes_unknown", "acme has 2 orders with an unknown outcome"),
    (_provider(lanes={"taken": 2}), "lanes_taken", "a reference that another source owns"),
    (_processes(("a", 1.0), ("b", 1.0)), "configuration_differs", "different configurations"),
    (_processes(("a", 1.0), ("a", 99.0)), "process_silent", "Process host/1 was not heard for 99 s"),
    (_unready("a"), "not_ready_intake", "The dispatcher is not ready: Kafka is away."),
    (_unready("a", "b"), "not_ready_intake", "All 2 processes are not ready: Kafka is away."),
    (_unready("a", "b", others=1), "not_ready_intake", "2 of 3 processes are not ready: Kafka is away."),
    (_unready("a", others=2), "not_ready_intake", "Process a is not ready: Kafka is away."),
    (_refused("a", "b"), "configuration_refused", "not in force: routes: missing"),
    (Facts(relays=[GONE]), "relay_away", "No relay publishes what the API has stored (http://one: it is gone)."),
    (Facts(relays=[GONE, WELL]), "relay_away", "1 of 2 relays is away (http://one: it is gone)."),
    (
        Facts(relays=[RelayFacts(url="http://one", events=7, oldest_s=99)]),
        "outbox_growing",
        "7 events waiting in the outbox, the oldest for 99 s",
    ),
    (
        _provider(configured=False, problem="its adapter is broken", lanes={"due": 2}),
        "provider_broken",
        "acme cannot be served: its adapter is broken. Waiting: 2 orders.",
    ),
    (
        _provider(configured=False, disabled=True, lanes={"due": 1}),
        "provider_disabled",
        "acme is disabled in the configuration. Waiting: 1 order.",
    ),
    (Facts(lag_records=5_000), "intake_lagging", "5000 events"),
    (Facts(rejected=2), "events_rejected", "2 events of the last hour rejected"),
    (Facts(unrouted=2), "orders_unrouted", "without a route"),
    (Facts(stale=20), "events_stale", "dropped as stale"),
]
"""facts, the trouble that they are, and what is told of it"""


@pytest.mark.parametrize(("facts", "name", "told"), TOLD)
def test_each_trouble_is_named(facts: Facts, name: str, told: str) -> None:
    [trouble] = troubles(facts)

    assert trouble.name == name
    assert told in trouble.sentence


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        _provider(attempts=1000, failed=100, p95_ms=200.0, timeout_s=10.0, overdue_s=2.0, lanes={"converged": 10**6}),
        _provider(blocked_until=EARLIER),
        _provider(configured=False, lanes={"converged": 5}),
        _processes(("a", 1.0), ("a", 2.0)),
        Facts(lag_records=100, stale=3),
        Facts(relays=[WELL]),
        _provider(configured=False, disabled=True, lanes={"converged": 5}),
    ],
)
def test_what_is_well_is_no_trouble(facts: Facts) -> None:
    assert troubles(facts) == []


def test_a_stopped_provider_is_not_blamed_for_what_waits_with_it() -> None:
    facts = _provider(paused_at=EARLIER, overdue_s=500.0, attempts=20, failed=20)

    assert [one.name for one in troubles(facts)] == ["provider_paused"]


def test_the_worst_comes_first() -> None:
    facts = Facts(
        providers=[
            ProviderFacts(name="acme", now=NOW, paused_at=EARLIER),
            ProviderFacts(name="b", now=NOW, opened_at=NOW),
        ],
        processes=[_process("a", unready={"intake": "Kafka is away"})],
    )

    found = troubles(facts)

    assert [one.severity for one in found] == [Severity.BROKEN, Severity.BROKEN, Severity.WORRYING]
