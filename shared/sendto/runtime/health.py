"""Liveness, readiness and metrics of a service, as routes without a token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ReadinessCheck = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else what is wrong in a few safe words."""

_OLD_S = 10.0
_AGAIN_S = 0.5

_READY = Gauge("sendto_ready", "1 where what the process needs is there, else 0, by check of /readyz.", ["check"])


class Remembered:
    """A check whose answer may take a while: it is told what was found last, and asked anew for the next one who looks.

    Only what is older than ten seconds is waited for.

    Args:
        check: the question; it ends by itself and raises nothing.
        now_s: a clock that does not go backwards.
    """

    def __init__(self, check: ReadinessCheck, now_s: Callable[[], float] = monotonic) -> None:
        self._check = check
        self._now_s = now_s
        self._told: str | None = None
        self._told_at_s: float | None = None
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self) -> str | None:
        """What was found last."""
        age_s = _OLD_S if self._told_at_s is None else self._now_s() - self._told_at_s
        if age_s >= _AGAIN_S:
            self.ask()
        if self._asking is not None and age_s >= _OLD_S:
            await asyncio.shield(self._asking)
        return self._told

    def ask(self) -> None:
        """Ask now, for those who look later; nobody waits."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            self._told = await self._check()
            self._told_at_s = self._now_s()
        finally:
            self._asking = None


def health_routes(
    checks: Mapping[str, ReadinessCheck],
    *,
    registry: CollectorRegistry = REGISTRY,
    before_metrics: Callable[[], Awaitable[None]] | None = None,
    remembered: Mapping[str, ReadinessCheck] | None = None,
) -> list[Route]:
    """`/healthz` (alive), `/readyz` (200, or 503 naming what is wrong), `/metrics` (Prometheus).

    Args:
        checks: what must work for the service to be ready, by name.
        registry: the metrics to show.
        remembered: the same checks for the metrics, which do not wait for those that take a while.
        before_metrics: brings gauges up to date that are read from elsewhere; its failure shows nothing old.
    """

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> JSONResponse:
        found = await _ask(checks)
        ready = not any(found.values())
        body = {"status": "ready" if ready else "not ready", "checks": {n: w or "ok" for n, w in found.items()}}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        # Both at once: each may wait for a database that does not answer, and whoever scrapes does not wait for long.
        found, _ = await asyncio.gather(
            _ask(remembered or checks), before_metrics() if before_metrics else asyncio.sleep(0)
        )
        for name, wrong in found.items():
            _READY.labels(name).set(not wrong)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _ask(checks: Mapping[str, ReadinessCheck]) -> dict[str, str | None]:
    return {name: await check() for name, check in checks.items()}
