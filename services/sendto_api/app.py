"""Wiring of the API's process: the one place where its parts are put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette

from sendto.kernel.clock import SystemClock
from sendto.runtime import logs
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.health import health_routes
from sendto.runtime.listen import listen
from sendto.runtime.notify import Notifier
from sendto.runtime.pruning import Pruner
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto.runtime.tracing import open_tracer
from sendto_api.customers.routes import customer_routes
from sendto_api.erasure.routes import erasure_routes
from sendto_api.http import problems
from sendto_api.http.calls import Call
from sendto_api.http.idempotency import prune_answers
from sendto_api.http.metrics import RequestMetrics
from sendto_api.http.middleware import RequestFrame
from sendto_api.http.rates import RateLimiter
from sendto_api.http.reference import reference_routes
from sendto_api.http.requests import Site
from sendto_api.http.writes import Writer
from sendto_api.openapi import CANONICAL, SAME, document
from sendto_api.orders.routes import order_routes
from sendto_api.orders.totals import Totals
from sendto_api.outbox import metrics
from sendto_api.outbox.routes import outbox_routes
from sendto_api.outbox.store import CHANNEL
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.auth import Authenticator
from sendto_api.tokens.store import CHANNEL as REVOKED

_PRUNING = 0x616E73776572  # "answer"
_SESSION = {"max_parallel_workers_per_gather": "0"}
"""one list shall not take every processor"""
PREFIXES = (CANONICAL, SAME)


class Api:
    """All parts of one API process."""

    def __init__(self, settings: ApiSettings, supervisor: Supervisor) -> None:
        self._settings = settings.api
        self._supervisor = supervisor
        self._tracer = open_tracer(settings.telemetry, service="api")
        self._database = Database(settings.api, application_name="sendto-api", session=_SESSION)
        self._notifier = Notifier(self._database, CHANNEL)
        answers = prune_answers(settings.api.idempotency_keep_s)
        self._pruner = Pruner(self._database, _PRUNING, {"idempotency_key": answers})
        self._authenticator = Authenticator(self._database, SystemClock(), cache_s=settings.api.token_cache_s)
        self._site = Site(
            settings=settings.api,
            database=self._database,
            authenticator=self._authenticator,
            limiter=RateLimiter(settings.api.rate_limit, SystemClock()),
            writer=Writer(self._database, self._notifier),
            totals=Totals(SystemClock(), keep_s=settings.api.total_keep_s),
        )

    def app(self) -> Starlette:
        """The HTTP application."""
        health = health_routes({"database": self._ready}, before_metrics=lambda: metrics.measure(self._database))
        calls = self.calls()
        app = Starlette(routes=[*calls, *health, *reference_routes(document(calls))], lifespan=self._lifespan)
        app.router.redirect_slashes = False
        problems.install(app)
        app.add_middleware(RequestFrame, metrics=RequestMetrics("api"), tracer=self._tracer)
        return app

    def calls(self) -> list[Call]:
        """Every call that needs a token, under both prefixes."""
        rooms = (order_routes, customer_routes, outbox_routes, erasure_routes)
        return [call for prefix in PREFIXES for room in rooms for call in room(self._site, prefix)]

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._supervisor.start("notify", self._notifier.run)
        self._supervisor.start("pruning", self._pruner.run)
        self._supervisor.start("revoked", lambda: listen(self._database, REVOKED, self._authenticator.forget))
        yield
        await self._supervisor.stop()
        await self._database.close()
        if self._tracer is not None:
            await asyncio.to_thread(self._tracer.close)

    async def _ready(self) -> str | None:
        try:
            await self._database.ping()
        except DatabaseAway:
            return "the database is away"
        return None


def described() -> dict[str, Any]:
    """The OpenAPI document of the application; no database is asked for it."""
    section = ApiSection(database_url=SecretStr("postgresql://nobody@127.0.0.1/none"))
    return document(Api(ApiSettings(api=section), Supervisor()).calls())


async def main(settings: ApiSettings) -> int:
    """Serve until stopped; the exit code."""
    logs.configure(settings.log, service="api")
    supervisor = Supervisor()
    return await serve(Api(settings, supervisor).app(), settings.api, supervisor=supervisor)
