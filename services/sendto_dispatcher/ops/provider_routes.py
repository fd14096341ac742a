"""Providers: what holds them back, and stopping them by hand."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from sendto.events.customer import PROVIDER_NAME
from sendto.runtime.database import Connection, Database
from sendto_dispatcher.ops.actions import Actions, must_know
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.glances import Gates, Overview, Process
from sendto_dispatcher.ops.moves import LanesMoved, wake_engines
from sendto_dispatcher.ops.overview import Glance
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.renames import Hindrances, rename_provider
from sendto_dispatcher.store.story import provider_rows
from sendto_dispatcher.store.tokens import Bearer

_LIVE_S = 30.0
_RENAME_TRIES = 5


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
    async def rename(
        provider: str, body: RenameRequest, bearer: Annotated[Bearer, Depends(doors.writes)]
    ) -> LanesMoved:
        """Move all lanes of a provider to another name, with what is known of them."""
        if provider in current().providers:
            raise HTTPException(
                HTTPStatus.CONFLICT,
                f"{provider} is served under this name: rename it in the configuration first, with enabled = false",
            )
        return await _rename(database, provider, body.to, bearer, current)

    return routes


async def _rename(database: Database, old: str, new: str, bearer: Bearer, current: Current) -> LanesMoved:
    async def move(connection: Connection) -> int:
        await must_know(connection, old, current)
        found = await rename_provider(connection, old, new)
        if isinstance(found, Hindrances):
            raise HTTPException(HTTPStatus.CONFLICT, _hindered(found, old, new))
        await provider_store.know(connection, [new])
        await record_change(connection, bearer.name, "rename", {"provider": old, "to": new}, lanes=found)
        return found

    for _ in range(_RENAME_TRIES):
        try:
            lanes = await database.in_transaction(move)
        except asyncpg.UniqueViolationError:
            continue  # an event came in between
        await wake_engines(database)
        return LanesMoved(lanes=lanes)
    raise HTTPException(HTTPStatus.CONFLICT, f"events keep making lanes of {new}; try again")


def _hindered(found: Hindrances, old: str, new: str) -> str:
    if found.leased:
        return f"{found.leased} lanes of {old} or {new} are being served; try again when they are settled"
    if found.sent:
        return f"for {found.sent} orders something was sent as {old} and as {new}: they cannot be told apart any more"
    return f"{found.taken} references of {old} belong to other orders at {new}"
