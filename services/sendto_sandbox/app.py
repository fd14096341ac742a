"""Wiring of the sandbox's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, process_collector
from starlette.applications import Starlette

from sendto.runtime import logs
from sendto.runtime.health import health_routes
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto_sandbox.connection import ResettableProtocol
from sendto_sandbox.provider import Receive, SandboxProvider, Scope, Send
from sendto_sandbox.settings import SandboxSettings
from sendto_sandbox.store import Store

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Sandbox:
    """The process's application: health and metrics, everything else by the provider."""

    def __init__(self, settings: SandboxSettings, supervisor: Supervisor) -> None:
        self._store = Store(settings.sandbox.data_dir)
        token = settings.sandbox.token
        self._provider = SandboxProvider(self._store, token=token.get_secret_value() if token else None)
        self._supervisor = supervisor
        registry = CollectorRegistry()
        process_collector.ProcessCollector(registry=registry)
        self._requests = Counter("sendto_sandbox_requests_total", "Requests by method.", ["method"], registry=registry)
        recipients = Gauge("sendto_sandbox_recipients", "Objects held now.", registry=registry)
        recipients.set_function(self._store.count)
        health = health_routes({"late saves": supervisor.readiness}, registry=registry)
        self._open = Starlette(routes=health, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS:
            self._requests.labels(scope["method"]).inc()
            await self._provider(scope, receive, send)
        else:
            await self._open(scope, receive, send)

    def want(self, token: str) -> None:
        """Let nobody in but with this token from now on."""
        self._provider.want(token)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._supervisor.start("late saves", self._provider.run)
        yield
        await self._supervisor.stop()
        self._store.close()


async def main(settings: SandboxSettings) -> int:
    """Serve until stopped; the exit code."""
    logs.configure(settings.log, service="sandbox")
    supervisor = Supervisor()
    return await serve(
        Sandbox(settings, supervisor), settings.sandbox, supervisor=supervisor, http_protocol=ResettableProtocol
    )
