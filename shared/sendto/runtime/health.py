"""Liveness, readiness and metrics of a service, as routes without a token."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

ReadinessCheck = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else what is wrong in a few safe words."""


def health_routes(
    checks: Mapping[str, ReadinessCheck],
    *,
    registry: CollectorRegistry = REGISTRY,
    before_metrics: Callable[[], Awaitable[None]] | None = None,
) -> APIRouter:
    """`/healthz` (alive), `/readyz` (200, or 503 naming what is wrong), `/metrics` (Prometheus).

    Args:
        checks: what must work for the service to be ready, by name.
        registry: the metrics to show.
        before_metrics: brings gauges up to date that are read from elsewhere; its failure shows nothing old.
    """
    routes = APIRouter()

    @routes.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @routes.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
    async def readyz() -> JSONResponse:
        found = {name: await check() for name, check in checks.items()}
        ready = not any(found.values())
        body = {"status": "ready" if ready else "not ready", "checks": {n: w or "ok" for n, w in found.items()}}
        return JSONResponse(body, status_code=200 if ready else 503)

    @routes.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def metrics() -> Response:
        if before_metrics is not None:
            await before_metrics()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes
