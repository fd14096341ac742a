"""What is measured, by name. Each scenario takes the machine and a size, and gives what it measured."""

from collections.abc import Awaitable, Callable

from bench.figures import Measured
from bench.machine import Machine
from bench.scenarios import (
    api,
    backlog,
    ceilings,
    delivery,
    fire,
    intake,
    latency,
    ops,
    relay,
    scale,
    soak,
    telling,
    trouble,
)

Scenario = Callable[[Machine, float], Awaitable[Measured]]
"""the number scales how much is done: 1 is what the figures are stated for"""

SCENARIOS: dict[str, Scenario] = {
    "ceilings": ceilings.ceilings,
    "delivery": delivery.distinct,
    "coalescing": delivery.coalescing,
    "two-processes": delivery.two_processes,
    "slow-provider": delivery.slow_provider,
    "intake": intake.intake,
    "relay": relay.relay,
    "latency": latency.latency,
    "outage": trouble.outage,
    "kill": trouble.kill,
    "failing-lane": trouble.failing_lane,
    "failing-share": fire.failing_share,
    "one-down": fire.one_down,
    "throttled": fire.throttled,
    "rate-limit": fire.rate_limit,
    "recovery": fire.recovery,
    "api": api.api,
    "ops": ops.ops,
    "telling": telling.telling,
    "backlog": backlog.backlog,
    "backlog-snapshot": backlog.backlog_snapshot,
    "day-outage": backlog.day_outage,
    "soak": soak.soak,
    "scale": scale.scale,
}

LONG = frozenset({"backlog", "backlog-snapshot", "day-outage", "soak", "scale"})
"""those that take from ten minutes to more than an hour at their full size"""
