"""Wiring of the relay's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from sendto.runtime import logs
from sendto.runtime.database import Database
from sendto.runtime.health import health_routes
from sendto.runtime.listen import listen
from sendto.runtime.pruning import Pruner
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto.runtime.tracing import open_tracer
from sendto_api.outbox.relay import Relay
from sendto_api.outbox.store import CHANNEL, prune_published
from sendto_api.settings import ApiSettings

_PRUNING = 0x7072756E65  # "prune"


async def main(settings: ApiSettings) -> int:
    """Publish until stopped; the exit code."""
    logs.configure(settings.log, service="relay")
    supervisor = Supervisor()
    tracer = open_tracer(settings.telemetry, service="relay")
    database = Database(settings.api, application_name="sendto-relay")
    relay = Relay(settings.relay, settings.kafka, settings.topics, database, tracer)
    pruner = Pruner(database, _PRUNING, {"outbox": prune_published(settings.relay.keep_published_s)})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        supervisor.start("relay", relay.run)
        supervisor.start("listen", lambda: listen(database, CHANNEL, relay.wake))
        supervisor.start("pruning", pruner.run)
        yield
        await supervisor.stop()
        await database.close()
        if tracer is not None:
            await asyncio.to_thread(tracer.close)

    checks = {"database": relay.database_ready, "kafka": relay.kafka_ready, "loops": supervisor.readiness}
    app = Starlette(routes=health_routes(checks, before_metrics=relay.measure), lifespan=lifespan)
    return await serve(app, settings.relay, supervisor=supervisor)
