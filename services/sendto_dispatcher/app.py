"""Wiring of the dispatcher's process: the one place where its parts are put together."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette_exporter import PrometheusMiddleware

from sendto.kernel.clock import SystemClock
from sendto.kernel.ids import new_uuid
from sendto.runtime import logs
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.health import Remembered, health_routes
from sendto.runtime.listen import Wake
from sendto.runtime.masking import masked
from sendto.runtime.notify import Notifier
from sendto.runtime.pruning import Pruner
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto.runtime.tracing import open_tracer
from sendto.sdk.discovery import installed_adapters
from sendto_dispatcher.configuration import Configuration, Running
from sendto_dispatcher.engine import metrics as engine_metrics
from sendto_dispatcher.engine.deliveries import deliveries
from sendto_dispatcher.engine.engine import Engine, know_providers
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.intake.dead_letters import dead_letters
from sendto_dispatcher.intake.hearing import hear
from sendto_dispatcher.intake.intake import Intake
from sendto_dispatcher.intake.losses import LossCheck
from sendto_dispatcher.ops.configured import Configured, Reached
from sendto_dispatcher.ops.deliveries import delivery_routes
from sendto_dispatcher.ops.erasure import Erasing, erasure_routes
from sendto_dispatcher.ops.ops import Ops
from sendto_dispatcher.ops.overview import Watched
from sendto_dispatcher.ops.relays import Relays
from sendto_dispatcher.settings import DispatcherSection, DispatcherSettings
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store import retention
from sendto_dispatcher.store.claims import CHANNEL
from sendto_dispatcher.store.listing import OPS_SESSION

_DIGEST_KEY_BYTES = 32
_OPS_POOL = 4
"""the most connections of those who look"""
_STEPS_POOL = 2
"""the most of what is done for them in steps: who looks again finds the connection that knows his statements"""
_log = logs.logger(__name__)


class Dispatcher:
    """All parts of one dispatcher process."""

    def __init__(self, settings: DispatcherSettings, base: Path, file: Path | None = None) -> None:
        section = settings.dispatcher
        self._settings = settings
        self._clock = SystemClock()
        self._tracer = open_tracer(settings.telemetry, service="dispatcher")
        self.configuration = Configuration(settings, base, file)
        _tell_broken_adapters()
        running = self.configuration.current
        self._replica = provider_store.ReplicaRow(
            id=str(new_uuid()),
            host=socket.gethostname(),
            pid=os.getpid(),
            release=version("sendto"),
            config_digest=running.digest,
        )
        self.supervisor = Supervisor()
        self._database = Database(section, application_name="sendto-dispatcher")
        # Who looks takes neither connections nor time from deliveries.
        self._ops_database = _for_ops(section, "sendto-dispatcher-ops", _OPS_POOL)
        self._steps_database = _for_ops(section, "sendto-dispatcher-steps", _STEPS_POOL)
        self._losses = LossCheck(
            section.intake,
            settings.kafka,
            settings.topics.events,
            self._database,
            self._clock,
            self._on_cleared,
            self._taken,
        )
        self._engine = Engine(
            list(running.providers.values()),
            section.engine,
            self._database,
            self.supervisor,
            self._clock,
            digest_key=_digest_key(settings),
            replica=self._replica.id,
            cleared=self._losses.cleared,
            catching_up=lambda: self._intake.catching_up,
            tell=section.delivery_events,
            tracer=self._tracer,
        )
        self._deliveries = deliveries(self._database, settings.kafka, settings.topics.deliveries)
        self._notifier = Notifier(self._database, CHANNEL)
        self._pruner = Pruner(self._database, retention.LOCK, retention.prunes(**section.retention.model_dump()))
        self._intake = Intake(
            section.intake,
            settings.kafka,
            settings.topics.events,
            self._database,
            running.intake_rules,
            settings.sources,
            self._on_taken,
            tracer=self._tracer,
        )
        self._dead_letters = dead_letters(self._database, settings.kafka, settings.topics.dead_letters)
        self._checks = {
            "database": self._database_ready,
            "intake": self._intake.readiness,
            "loops": self.supervisor.readiness,
            "providers": self.configuration.readiness,
        }
        # The engine's connections may all be in use: who looks does not wait for one.
        self._remembered = self._checks | {"database": Remembered(self._database_ready)}
        watched = Watched(
            replica=self._replica.id,
            checks=self._remembered,
            lag=self._lag,
            relays=Relays(section.relay_urls.split(",") if section.relay_urls else (), self._clock),
        )
        self._ops = Ops(self._ops_database, self._steps_database, self._current, self._notifier, self._clock, watched)
        self._erasing = Erasing(self._database, self._current, settings.kafka, settings.topics, self._clock)
        self._beats = Wake()
        self.configuration.on_change(self._use)

    def app(self) -> FastAPI:
        """The HTTP application: health, metrics, ops API."""
        # FastAPI's own pages of documentation load scripts from elsewhere; the document itself is at /openapi.json.
        app = FastAPI(
            title="sendto dispatcher",
            version=self._replica.release,
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
        )
        app.add_middleware(
            PrometheusMiddleware,
            app_name="dispatcher",
            prefix="sendto_http",
            group_paths=True,
            filter_unhandled_paths=True,
        )
        app.router.routes += health_routes(
            self._checks, before_metrics=self._before_metrics, remembered=self._remembered
        )
        app.include_router(self._ops.api())
        app.include_router(delivery_routes(self._ops_database, self._current))
        app.include_router(erasure_routes(self._database, self._erasing))
        app.include_router(self._ops.console())
        app.add_exception_handler(DatabaseAway, _database_away)
        # FastAPI puts routers together with the first request, unless something has needed them before.
        app.openapi()
        return app

    def stop(self) -> None:
        """The process has been told to stop: end what would keep its connections open."""
        self._ops.stop()

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await know_providers(self._database, self._named())
        await self._engine.start()
        self.supervisor.start("losses", self._losses.run)
        self.supervisor.start("intake", self._intake.run)
        self.supervisor.start("intake.lag", self._intake.lag.run)
        self.supervisor.start("intake.notify", self._notifier.run)
        self.supervisor.start("intake.dead_letters", self._dead_letters.run)
        if self._settings.dispatcher.delivery_events:
            self.supervisor.start("engine.deliveries", self._deliveries.run)
        self._ops.start(self.supervisor)
        self.supervisor.start("heartbeat", self._beat)
        self.supervisor.start("pruning", self._pruner.run)
        self.supervisor.start("configuration", self.configuration.run)
        yield
        await self.supervisor.stop("configuration")
        await self.supervisor.stop("intake")
        await self._engine.stop()
        await self.supervisor.stop()
        await self._forget_replica()
        await self._ops_database.close()
        await self._steps_database.close()
        await self._database.close()
        if self._tracer is not None:
            await asyncio.to_thread(self._tracer.close)

    def _current(self) -> Configured:
        running = self.configuration.current
        return Configured(
            rates={name: one.bucket.rate_per_s if one.bucket else None for name, one in running.providers.items()},
            limits={
                name: one.limits.rate for name, one in running.settings.providers.items() if one.limits.rate is not None
            },
            broken=running.broken,
            disabled=frozenset(name for name, one in running.settings.providers.items() if not one.enabled),
            reached={name: self._reached(one) for name, one in running.providers.items()},
            prefixes=running.settings.sources.prefixes,
            timeouts_s={name: one.timeout_s for name, one in running.providers.items()},
            rules=running.intake_rules,
            decode=lambda key, value, headers: hear(
                key, value, headers, self._settings.dispatcher.intake, running.settings.sources
            ),
            digest=running.digest,
            loaded_at=running.loaded_at,
            refused=self.configuration.refused,
            shown=masked(running.settings.model_dump(mode="json")),
        )

    def _reached(self, provider: Provider) -> Reached:
        clock, transport = self._clock, provider.transport
        return Reached(
            adapter=provider.adapter,
            remake=provider.remake,
            http=lambda seconds: transport.attempt(deadline_s=clock.monotonic_s() + seconds, clock=clock),
            timeout_s=provider.timeout_s,
            bucket=provider.bucket,
            shadow=provider.shadow,
            secrets=provider.secrets,
        )

    def _lag(self) -> dict[str, int]:
        """Records not yet taken, by partition that this process reads."""
        return {str(partition): records for partition, records in self._intake.lag.records().items()}

    async def _told(self) -> provider_store.ReplicaRow:
        """What this process says of itself, for any other to tell."""
        return replace(
            self._replica,
            lag=self._lag(),
            unready={name: why for name, check in self._remembered.items() if (why := await check())},
            broken=self.configuration.current.broken,
            refused=self.configuration.refused,
        )

    def _taken(self) -> dict[int, int]:
        return self._intake.ever_taken()

    def _on_cleared(self) -> None:
        self._intake.place_again()
        self._engine.wake()

    def _on_taken(self) -> None:
        self._engine.wake()
        self._notifier()

    def _configured(self) -> frozenset[str]:
        """The providers that this process serves now."""
        return frozenset(self.configuration.current.providers)

    def _named(self) -> frozenset[str]:
        """The providers that the configuration names and ops can ask for, also those that cannot be served."""
        return self._configured() | self.configuration.current.broken.keys()

    async def _use(self, running: Running) -> None:
        """Put a new configuration in force, for new batches and new claims."""
        await know_providers(self._database, self._named())
        await self._engine.use(list(running.providers.values()))
        self._intake.use(running.intake_rules, running.settings.sources)
        self._replica = replace(self._replica, config_digest=running.digest)
        self._beats()

    async def _beat(self) -> None:
        while True:
            try:
                told = await self._told()
                async with self._database.connection() as connection:
                    await provider_store.heartbeat(connection, told)
            except DatabaseAway:
                _log.warning("heartbeat_not_written")
            await self._beats.wait(self._settings.dispatcher.heartbeat_s)

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
        self._intake.lag.records()
        engine_metrics.in_flight(self._engine.in_flight)
        await self._ops.before_metrics()


def _for_ops(section: DispatcherSection, application_name: str, connections: int) -> Database:
    shorter = {"statement_timeout_s": section.ops_statement_timeout_s, "pool_min_size": 1, "pool_max_size": connections}
    return Database(section.model_copy(update=shorter), application_name=application_name, session=OPS_SESSION)


async def _database_away(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the database is away"}, status_code=503, headers={"Retry-After": "1"})


def _tell_broken_adapters() -> None:
    """A broken plugin is told of, also where no provider needs it."""
    for installed in installed_adapters():
        if installed.problem is not None:
            _log.warning(
                "adapter_broken", adapter=installed.name, brought_by=installed.distribution, problem=installed.problem
            )


def _digest_key(settings: DispatcherSettings) -> bytes:
    key = settings.dispatcher.digest_key
    if key is None:
        _log.warning("digest_key_missing", effect="after a restart each lane's next update makes a call")
        return secrets.token_bytes(_DIGEST_KEY_BYTES)
    return key.get_secret_value().encode()[:64]


async def main(settings: DispatcherSettings, base: Path, file: Path | None = None) -> int:
    """Serve until stopped, reading `file` anew after SIGHUP and when it changes; the exit code."""
    logs.configure(settings.log, service="dispatcher")
    dispatcher = Dispatcher(settings, base, file)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, dispatcher.configuration.ask)
    return await serve(
        dispatcher.app(),
        settings.dispatcher,
        supervisor=dispatcher.supervisor,
        drain_s=settings.dispatcher.engine.drain_s,
        on_stop=dispatcher.stop,
    )
