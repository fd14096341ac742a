"""How the troubles of providers and events are made, all at once."""

import asyncio
from typing import Any

from e2e.troubles.stage import Stage
from infra.events import binary_headers
from infra.eventually import eventually

TO = {"order_type": "delivery"}
ONE_EACH = (
    ("refusing", 400),
    ("needing", 500),
    ("unauthorized", 600),
    ("gone", 700),
    ("waiting", 900),
    ("nowhere", 1100),
    ("off", 1200),
    ("buggy", 1300),
    ("blind", 1400),
    ("twice", 1500),
    ("hopeless", 1600),
    ("late", 1700),
    ("stuck", 1800),
    ("keeps", 2000),
    ("shadowed", 2100),
    ("well", 2500),
    ("well", 2600),
)
PAST_S = "interval '20 minutes'"


async def make(stage: Stage) -> None:
    """Bring every trouble about; those that need a while are there later."""
    await _see_metrics(stage)
    await stage.ops("POST", "/ops/providers/paused/pause", {"reason": "their maintenance"})
    for provider, order_id in ONE_EACH:
        await put(stage, provider, order_id)
    await put(stage, "paused", 1000)
    for provider, first, count in (("down", 100, 8), ("failing", 300, 12), ("slow", 200, 3), ("limited", 800, 3)):
        await asyncio.gather(*(put(stage, provider, first + number) for number in range(count)))
    stage.faces.let("behind", 4)
    await asyncio.gather(*(put(stage, "behind", 30_000 + number) for number in range(300)))
    await asyncio.gather(*(put(stage, "holding", 2700 + number) for number in range(4)))
    await _events(stage)


async def _see_metrics(stage: Stage) -> None:
    """Wait until Prometheus has looked: what grows later has grown then."""

    async def seen() -> bool:
        return len(await stage.prometheus.query('sendto_lanes{provider="well",state="dead"}')) == 2

    await until(seen)


async def _events(stage: Stage) -> None:
    await stage.upstream.put(2200, 7)  # no rule and no provider: unrouted
    await stage.upstream.raw(b"2300", b"{", _headers())
    await stage.stranger.put(2400, 7, order=TO | {"shipment_provider": "well"})
    await stage.upstream.put(2500, None, order=TO | {"shipment_provider": "well"})
    for _ in range(12):
        await stage.upstream.put(2600, 3)
    await stage.other.put(1500, 7, order=TO | {"shipment_provider": "twice"})
    await until(lambda: _applied(stage, 2000))
    await stage.upstream.delete(2000, 8)


def _headers() -> list[tuple[str, bytes]]:
    return binary_headers("customer.updated", 7)


async def _applied(stage: Stage, order_id: int) -> bool:
    lanes = (await stage.ops("GET", f"/ops/orders/{order_id}")).json["lanes"]
    return bool(lanes) and lanes[0]["applied_version"] is not None


async def go_on(stage: Stage) -> None:
    """Another round of what is only told while it goes on, and let time pass for what waits."""
    stage.round += 1
    version = 7 + stage.round
    await asyncio.gather(*(put(stage, "slow", 200 + number, version) for number in range(3)))
    await asyncio.gather(*(put(stage, "failing", 300 + number, version) for number in range(12)))
    stage.faces.let("behind", 1)
    await _change(
        stage,
        f"due_at = due_at - {PAST_S}",
        "provider IN ('limited', 'stuck', 'behind') AND lease_token IS NULL"
        " AND due_at > clock_timestamp() - interval '5 minutes'",
    )
    await _change(stage, f"behind_since = clock_timestamp() - {PAST_S}", "provider = 'late'")


async def _change(stage: Stage, change: str, which: str) -> None:
    """Change lanes, locked in the order in which all lock them: a deadlock would end somebody's work, ours perhaps."""
    await stage.execute(
        f"UPDATE lane SET {change} WHERE id IN (SELECT id FROM lane WHERE {which} ORDER BY id FOR UPDATE)"
    )


async def put(stage: Stage, provider: str, order_id: int, version: int = 7) -> None:
    """Publish a customer for a provider; each version differs."""
    order: dict[str, Any] = TO | {"shipment_provider": provider}
    await stage.upstream.put(order_id, version, order=order, first_name=f"Ada {version}")


async def until(ask: Any) -> None:
    """Wait for what must come to be; on a machine with much else to do it takes its time."""
    await eventually(ask, 120.0)
