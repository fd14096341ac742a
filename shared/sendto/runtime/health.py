"""Liveness, readiness and metrics of a service, as routes without a token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ReadinessCheck = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else what is wrong in a few safe words."""

_READY = Gauge("sendto_ready", "1 where what the process needs is there, else 0, by check of /readyz.", ["check"])


def health_routes(
    checks: Mapping[str, ReadinessCheck],
    *,
    registry: CollectorRegistry = REGISTRY,
    before_metrics: Callable[[], Awaitable[None]] | None = None,
) -> list[Route]:
    """`/healthz` (alive), `/readyz` (200, or 503 naming what is wrong), `/metrics` (Prometheus).

    Args:
        checks: what must work for the service to be ready, by name.
        registry: the metrics to show.
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
        found, _ = await asyncio.gather(_ask(checks), before_metrics() if before_metrics else asyncio.sleep(0))
        for name, wrong in found.items():
            _READY.labels(name).set(not wrong)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _ask(checks: Mapping[str, ReadinessCheck]) -> dict[str, str | None]:
    return {name: await check() for name, check in checks.items()}
