"""The relays, where the configuration tells where they are: whether they publish, and what waits in the outbox.

The dispatcher shares nothing with the API but the topic. So it asks as a monitor does: `/readyz` and `/metrics`.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from sendto.kernel.clock import Clock

_TIMEOUT_S = 2.0
_FRESH_S = 3.0
_STALE_S = 15.0
_DEPTH, _OLDEST, _LEADS = "sendto_outbox_depth", "sendto_outbox_oldest_seconds", "sendto_relay_leads"


class RelayGlance(BaseModel):
    """A relay at a glance."""

    url: str
    problem: str | None
    """why it publishes nothing; null if it is ready"""
    leads: bool | None
    """whether it is the one that publishes; the others wait for their turn"""
    outbox_events: int | None
    outbox_oldest_s: float | None


class Relays:
    """Asks every relay when someone looks; what was told a moment ago is told again."""

    def __init__(self, urls: Sequence[str], clock: Clock) -> None:
        self._urls = list(urls)
        self._clock = clock
        self._told: list[RelayGlance] = []
        self._next_at_s, self._told_at_s = 0.0, -_STALE_S
        self._asking: asyncio.Task[None] | None = None

    async def told(self) -> list[RelayGlance]:
        """What the relays said last, at once where that was lately: it is asked anew for the next one who looks."""
        now_s = self._clock.monotonic_s()
        if self._urls and self._asking is None and now_s >= self._next_at_s:
            self._asking = asyncio.create_task(self._ask_all())
        if self._asking is not None and now_s >= self._told_at_s + _STALE_S:
            await asyncio.shield(self._asking)
        return self._told

    async def _ask_all(self) -> None:
        try:
            async with ClientBuilder().no_proxy().timeout(timedelta(seconds=_TIMEOUT_S)).build() as client:
                self._told = await asyncio.gather(*(_ask(client, url) for url in self._urls))
        finally:
            self._told_at_s = self._clock.monotonic_s()
            self._next_at_s = self._told_at_s + _FRESH_S
            self._asking = None


async def _ask(client: Client, url: str) -> RelayGlance:
    try:
        ready = await client.get(f"{url}/readyz").build().send()
        metrics = await client.get(f"{url}/metrics").build().send()
        found = _metrics(await metrics.text())
    except (PyreqwestError, ValueError):
        return RelayGlance(url=url, problem="it does not answer", leads=None, outbox_events=None, outbox_oldest_s=None)
    leads, depth = found.get(_LEADS), found.get(_DEPTH)
    return RelayGlance(
        url=url,
        problem=None if ready.status == HTTPStatus.OK else _why(await ready.json()),
        leads=None if leads is None else bool(leads),
        outbox_events=None if depth is None else int(depth),
        outbox_oldest_s=found.get(_OLDEST),
    )


def _metrics(text: str) -> dict[str, float]:
    wanted = {_DEPTH, _OLDEST, _LEADS}
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in wanted
    }


def _why(answer: object) -> str:
    """What keeps it from being ready, as its `/readyz` says."""
    checks = answer.get("checks") if isinstance(answer, dict) else None
    words = [str(why) for why in checks.values() if why not in {None, "ok"}] if isinstance(checks, dict) else []
    return "; ".join(words) or "it is not ready"
