"""Providers: what holds them back, and stopping them by hand."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from sendto.events.customer import PROVIDER_NAME
from sendto.runtime.database import Database
from sendto_dispatcher.ops.actions import Actions
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.glances import Gates, Overview, Process
from sendto_dispatcher.ops.moves import LanesMoved
from sendto_dispatcher.ops.overview import Glance
from sendto_dispatcher.ops.renaming import rename
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.story import provider_rows
from sendto_dispatcher.store.tokens import Bearer

_LIVE_S = 30.0


class PauseRequest(BaseModel):
    """Why a provider is paused."""

    reason: Annotated[str | None, Field(max_length=500)] = None


class RenameRequest(BaseModel):
    """The new name."""

    to: Annotated[str, Field(pattern=PROVIDER_NAME)]


class ProviderShown(Gates):
    """A provider with its gates."""

    provider: str
    configured: bool
    """whether the process that answers serves it"""
    problem: str | None
    """how its plugin is broken or missing, so that it cannot be served"""
    tokens: float
    tokens_at: datetime | None


class ReplicaShown(Process):
    """A dispatcher process that is alive."""

    heartbeat_at: datetime


def provider_routes(database: Database, doors: Doors, current: Current, glance: Glance, actions: Actions) -> APIRouter:
    """The routes under `/providers`, `/replicas` and `/overview`."""
    routes = APIRouter(tags=["providers"])

    @routes.get("/overview")
    async def overview(_: Annotated[Bearer, Depends(doors.reads)]) -> Overview:
        """Everything at a glance: what is wrong, providers, processes, partitions."""
        return await glance.overview()

    @routes.get("/providers")
    async def providers(_: Annotated[Bearer, Depends(doors.reads)]) -> list[ProviderShown]:
        """Every provider that was ever configured, with its gates."""
        async with database.connection() as connection:
            rows = await provider_rows(connection)
        now = current()
        return [
            ProviderShown(**row, configured=row["provider"] in now.providers, problem=now.broken.get(row["provider"]))
            for row in rows
        ]

    @routes.get("/replicas")
    async def replicas(_: Annotated[Bearer, Depends(doors.reads)]) -> list[ReplicaShown]:
        """The dispatcher processes that are alive, with the digests of their configurations."""
        async with database.connection() as connection:
            rows = await provider_store.live_replicas(connection, within_s=_LIVE_S)
        return [ReplicaShown(**dict(row)) for row in rows]

    @routes.post("/providers/{provider}/pause", status_code=HTTPStatus.NO_CONTENT)
    async def pause(provider: str, body: PauseRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> None:
        """Stop a provider by hand; nothing is lost, and nothing automatic lifts it."""
        await actions.pause(bearer, provider, body.reason)

    @routes.post("/providers/{provider}/resume", status_code=HTTPStatus.NO_CONTENT)
    async def resume(provider: str, bearer: Annotated[Bearer, Depends(doors.writes)]) -> None:
        """End a pause, and a wait that the provider asked for."""
        await actions.resume(bearer, provider)

    @routes.post("/providers/{provider}/rename")
    async def rename_(
        provider: str, body: RenameRequest, bearer: Annotated[Bearer, Depends(doors.writes)]
    ) -> LanesMoved:
        """Move all lanes of a provider to another name, with what is known of them."""
        return LanesMoved(lanes=await rename(database, current, bearer, provider, body.to))

    return routes
