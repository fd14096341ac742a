"""Wiring of the dispatcher's process: the one place where its parts are put together."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette_exporter import PrometheusMiddleware

from sendto.kernel.clock import SystemClock
from sendto.kernel.ids import new_uuid
from sendto.runtime import logs
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.health import health_routes
from sendto.runtime.notify import Notifier
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto_dispatcher.domain.routing import Routing, Rule
from sendto_dispatcher.engine.engine import Engine, know_providers
from sendto_dispatcher.engine.provider import Provider, build_provider, config_digest
from sendto_dispatcher.intake.dead_letters import DeadLetters
from sendto_dispatcher.intake.intake import Intake
from sendto_dispatcher.ops.api import ops_routes
from sendto_dispatcher.ops.deliveries import delivery_routes
from sendto_dispatcher.ops.gauges import LaneGauges
from sendto_dispatcher.settings import DispatcherSettings
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.claims import CHANNEL
from sendto_dispatcher.store.taking import IntakeRules

_DIGEST_KEY_BYTES = 32
_log = logs.logger(__name__)


def build_routing(settings: DispatcherSettings) -> Routing:
    """The routes of the configuration."""
    rules = [
        Rule(
            to=tuple(route.to),
            **{name: frozenset(values) for name, values in route.when.model_dump(exclude_none=True).items()},
        )
        for route in settings.routes
    ]
    return Routing(rules, tuple(settings.routing.default))


def build_providers(settings: DispatcherSettings, base: Path) -> list[Provider]:
    """The enabled providers; secrets in files are found relative to `base`.

    Raises:
        ProviderUnusable: one of them cannot be served.
    """
    return [
        build_provider(name, provider, settings.dispatcher.engine, base)
        for name, provider in settings.providers.items()
        if provider.enabled
    ]


class Dispatcher:
    """All parts of one dispatcher process."""

    def __init__(self, settings: DispatcherSettings, base: Path) -> None:
        section = settings.dispatcher
        self._settings = settings
        self._clock = SystemClock()
        self._replica = provider_store.ReplicaRow(
            id=str(new_uuid()),
            host=socket.gethostname(),
            pid=os.getpid(),
            release=version("sendto"),
            config_digest=_config_digest(settings),
        )
        self.supervisor = Supervisor()
        self._database = Database(section, application_name="sendto-dispatcher")
        self._providers = build_providers(settings, base)
        self._engine = Engine(
            self._providers,
            section.engine,
            self._database,
            self.supervisor,
            self._clock,
            digest_key=_digest_key(settings),
            replica=self._replica.id,
        )
        self._notifier = Notifier(self._database, CHANNEL)
        rules = IntakeRules(
            routing=build_routing(settings),
            prefixes=settings.sources.prefixes,
            carrying=frozenset(p.name for p in self._providers if p.capabilities.carries_source),
        )
        self._intake = Intake(
            section.intake,
            settings.kafka,
            settings.topics.events,
            self._database,
            rules,
            settings.sources,
            self._on_taken,
        )
        self._dead_letters = DeadLetters(self._database, settings.kafka, settings.topics.dead_letters)
        self._gauges = LaneGauges(self._database, self._clock)

    def app(self) -> FastAPI:
        """The HTTP application: health, metrics, ops API."""
        app = FastAPI(title="sendto dispatcher", version=self._replica.release, lifespan=self._lifespan)
        app.add_middleware(
            PrometheusMiddleware,
            app_name="dispatcher",
            prefix="sendto_http",
            group_paths=True,
            filter_unhandled_paths=True,
        )
        checks = {
            "database": self._database_ready,
            "intake": self._intake.readiness,
            "loops": self.supervisor.readiness,
        }
        app.include_router(health_routes(checks, before_metrics=self._before_metrics))
        configured = frozenset(provider.name for provider in self._providers)
        app.include_router(ops_routes(self._database, configured))
        app.include_router(delivery_routes(self._database, configured))
        app.add_exception_handler(DatabaseAway, _database_away)
        return app

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await know_providers(self._database, self._providers)
        await self._engine.start()
        self.supervisor.start("intake", self._intake.run)
        self.supervisor.start("intake.notify", self._notifier.run)
        self.supervisor.start("intake.dead_letters", self._dead_letters.run)
        self.supervisor.start("heartbeat", self._beat)
        yield
        await self.supervisor.stop("intake")
        await self._engine.stop()
        await self.supervisor.stop()
        await self._forget_replica()
        await self._database.close()

    def _on_taken(self) -> None:
        self._engine.wake()
        self._notifier()

    async def _beat(self) -> None:
        while True:
            try:
                async with self._database.connection() as connection:
                    await provider_store.heartbeat(connection, self._replica)
            except DatabaseAway:
                _log.warning("heartbeat_not_written")
            await asyncio.sleep(self._settings.dispatcher.heartbeat_s)

    async def _forget_replica(self) -> None:
        try:
            async with self._database.connection() as connection:
                await provider_store.forget_replica(connection, self._replica.id)
        except DatabaseAway:
            return  # its heartbeat ends, which says the same

    async def _database_ready(self) -> str | None:
        try:
            await self._database.ping()
        except DatabaseAway:
            return "the database is away"
        return None

    async def _before_metrics(self) -> None:
        self._intake.measure_lag()
        await self._gauges.refresh()


async def _database_away(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the database is away"}, status_code=503, headers={"Retry-After": "1"})


def _digest_key(settings: DispatcherSettings) -> bytes:
    key = settings.dispatcher.digest_key
    if key is None:
        _log.warning("digest_key_missing", effect="after a restart each lane's next update makes a call")
        return secrets.token_bytes(_DIGEST_KEY_BYTES)
    return key.get_secret_value().encode()[:64]


def _config_digest(settings: DispatcherSettings) -> str:
    return config_digest(settings.model_dump_json(include={"providers", "routes", "routing", "sources"}))


async def main(settings: DispatcherSettings, base: Path) -> int:
    """Serve until stopped; the exit code."""
    logs.configure(settings.log, service="dispatcher")
    dispatcher = Dispatcher(settings, base)
    return await serve(
        dispatcher.app(),
        settings.dispatcher,
        supervisor=dispatcher.supervisor,
        drain_s=settings.dispatcher.engine.drain_s,
    )
