"""Wiring of the relay's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from sendto.runtime import logs
from sendto.runtime.database import Database
from sendto.runtime.health import health_routes
from sendto.runtime.listen import listen
from sendto.runtime.serving import serve
from sendto.runtime.supervisor import Supervisor
from sendto_api.outbox.relay import Relay, prune
from sendto_api.outbox.store import CHANNEL
from sendto_api.settings import ApiSettings


async def main(settings: ApiSettings) -> int:
    """Publish until stopped; the exit code."""
    logs.configure(settings.log, service="relay")
    supervisor = Supervisor()
    database = Database(settings.api, application_name="sendto-relay")
    relay = Relay(settings.relay, settings.kafka, settings.topics, database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        supervisor.start("relay", relay.run)
        supervisor.start("listen", lambda: listen(database, CHANNEL, relay.wake))
        supervisor.start("prune", lambda: prune(database, settings.relay))
        yield
        await supervisor.stop()
        await database.close()

    app = FastAPI(title="sendto relay", version=version("sendto"), lifespan=lifespan, openapi_url=None)
    checks = {"database": relay.database_ready, "kafka": relay.kafka_ready, "loops": supervisor.readiness}
    app.include_router(health_routes(checks, before_metrics=relay.measure))
    return await serve(app, settings.relay, supervisor=supervisor)
