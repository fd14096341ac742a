"""The troubles, and how each is named: by the verdict of an order, the console, readiness, and an alert.

These are the troubles of providers and events, which are all there at once. Of a provider exactly these are told, and
no others. Those of the whole system are made one after the other, in `test_system.py`.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One trouble of a provider or of an event."""

    title: str
    provider: str | None
    order_id: int
    verdict: str
    """a pattern"""
    console: tuple[str, ...]
    """names of troubles"""
    alerts: tuple[str, ...]


ORDERS = (
    Case(
        "provider down",
        "down",
        100,
        r"Waiting: down is down since .*; it is probed",
        ("provider_down",),
        ("SendtoProviderDown",),
    ),
    Case(
        "provider slow",
        "slow",
        200,
        r"slow has the customer|sent to slow now",
        ("provider_slow",),
        ("SendtoProviderSlow",),
    ),
    Case(
        "provider failing: it refuses everything",
        "failing",
        300,
        r"failing refused the customer .*http_422",
        ("provider_failing", "lanes_dead"),
        ("SendtoProviderFailing", "SendtoLanesDead"),
    ),
    Case(
        "provider refuses one order",
        "refusing",
        400,
        r"refusing refused the customer .*http_422.* sendto replay --lane",
        ("lanes_dead",),
        ("SendtoLanesDead",),
    ),
    Case(
        "order lacks what the provider needs",
        "needing",
        500,
        r"needing cannot take the customer .*: it needs delivery address",
        ("lanes_dead",),
        ("SendtoLanesDead",),
    ),
    Case(
        "provider refuses our credentials",
        "unauthorized",
        600,
        r"unauthorized is held since .*\(unauthorized",
        ("provider_held",),
        ("SendtoProviderHeld",),
    ),
    Case(
        "provider's address is gone",
        "gone",
        700,
        r"gone is held since .*http_410",
        ("provider_held",),
        ("SendtoProviderHeld",),
    ),
    Case(
        "rate limit exhausted",
        "limited",
        801,
        r"the rate limit of limited \(1/h\) is used up",
        ("rate_limit_exhausted",),
        ("SendtoRateLimitExhausted",),
    ),
    Case(
        "provider asks to wait",
        "waiting",
        900,
        r"waiting asked us to wait until",
        ("provider_asks_to_wait",),
        ("SendtoProviderAsksToWait",),
    ),
    Case(
        "provider paused by hand",
        "paused",
        1000,
        r"paused is paused by .*, their maintenance \(sendto resume paused\)",
        ("provider_paused",),
        ("SendtoProviderPaused",),
    ),
    Case(
        "mis-routed: to a provider that is not configured",
        "nowhere",
        1100,
        r"no provider nowhere is configured",
        ("provider_not_configured",),
        ("SendtoProviderNotConfigured",),
    ),
    Case(
        "provider disabled",
        "off",
        1200,
        r"off is disabled in the configuration",
        ("provider_disabled",),
        ("SendtoProviderDisabled",),
    ),
    Case(
        "adapter's bug: it cannot translate",
        "buggy",
        1300,
        r"The adapter of buggy failed on the customer .*, a fault of the plugin: .*\(adapter_error\)",
        ("lanes_dead",),
        ("SendtoLanesDead",),
    ),
    Case(
        "outcome unknown, and the provider cannot be asked",
        "blind",
        1400,
        r"not known whether blind holds the customer",
        ("lanes_unknown",),
        ("SendtoLanesUnknown",),
    ),
    Case(
        "reference of another source's order",
        "twice",
        1500,
        r"twice was not asked: reference 1500 belongs to an order of another source",
        ("lanes_taken",),
        ("SendtoLanesTaken",),
    ),
    Case(
        "given up after many tries",
        "hopeless",
        1600,
        r"hopeless did not take the customer .* in \d+ attempts since .*.*http_500",
        ("lanes_dead",),
        ("SendtoLanesDead",),
    ),
    Case(
        "single order fails again and again",
        "late",
        1700,
        r"Waiting: the customer .* goes to late again at .*after 1 failed attempt .*http_500",
        ("changes_unapplied",),
        ("SendtoChangesUnapplied",),
    ),
    Case(
        "nothing is tried although orders are due",
        "stuck",
        1800,
        r"has been due to go to stuck since .*, and no process took it yet",
        ("no_attempts",),
        ("SendtoNoAttempts",),
    ),
    Case(
        "provider takes less than there is",
        "behind",
        30_299,
        r"has been due to go to behind since",
        ("provider_behind",),
        ("SendtoProviderBehind",),
    ),
    Case("provider cannot delete", "keeps", 2000, r"keeps cannot take the removal", (), ()),
    Case(
        "provider in shadow",
        "shadowed",
        2100,
        r"shadowed is in shadow: the customer .* was translated and not sent",
        (),
        (),
    ),
    Case("unrouted", None, 2200, r"Unrouted: .*", ("orders_unrouted",), ("SendtoOrdersUnrouted",)),
    Case("bad event", None, 2300, r"rejected.*json", ("events_rejected",), ("SendtoEventsRejected",)),
    Case(
        "source that is not heard",
        None,
        2400,
        r"rejected.*source_not_allowed|not on the list of those heard",
        ("events_rejected",),
        ("SendtoEventsRejected",),
    ),
    Case(
        "event without a version after one with",
        None,
        2500,
        r"rejected.*orderversion|unversioned",
        ("events_rejected",),
        ("SendtoEventsRejected",),
    ),
    Case("stale events", None, 2600, r"stale", ("events_stale",), ("SendtoEventsStale",)),
)

QUIET = frozenset({"well", "holding"})
"""providers of which nothing is told"""
