"""The ops API: what ops and the commands ask of the dispatcher, with tokens of its own. Any replica answers."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto_dispatcher.ops.bearers import requires
from sendto_dispatcher.ops.story import OrderStory, order_story
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.claims import CHANNEL
from sendto_dispatcher.store.story import order_rows, provider_rows
from sendto_dispatcher.store.tokens import Bearer

OrderId = Annotated[int, Path(ge=1, le=ORDER_ID_MAX)]
_LIVE_S = 30.0


class PauseRequest(BaseModel):
    """Why a provider is paused."""

    reason: str | None = None


def ops_routes(database: Database, configured: Callable[[], frozenset[str]]) -> APIRouter:
    """The routes under `/ops`; `configured` tells the providers that this process serves now."""
    routes = APIRouter(prefix="/ops", tags=["ops"])
    reads, writes = requires(database, "ops:read"), requires(database, "ops:write")

    @routes.get("/orders/{order_id}")
    async def order(order_id: OrderId, _: Annotated[Bearer, Depends(reads)]) -> OrderStory:
        """Everything that is known of an order, and why it is where it is."""
        async with database.connection() as connection:
            return order_story(order_id, await order_rows(connection, order_id), configured())

    @routes.get("/providers")
    async def providers(_: Annotated[Bearer, Depends(reads)]) -> list[dict[str, Any]]:
        """Every provider with its gates; `configured` tells whether this process serves it."""
        async with database.connection() as connection:
            rows = await provider_rows(connection)
        served = configured()
        return [row | {"configured": row["provider"] in served} for row in rows]

    @routes.get("/replicas")
    async def replicas(_: Annotated[Bearer, Depends(reads)]) -> list[dict[str, Any]]:
        """The dispatcher processes that are alive, with the digests of their configurations."""
        async with database.connection() as connection:
            return [dict(row) for row in await provider_store.live_replicas(connection, within_s=_LIVE_S)]

    @routes.post("/providers/{provider}/pause", status_code=HTTPStatus.NO_CONTENT)
    async def pause(provider: str, body: PauseRequest, bearer: Annotated[Bearer, Depends(writes)]) -> None:
        """Stop a provider by hand; nothing is lost, and nothing automatic lifts it."""
        _known(provider, configured())
        async with database.transaction() as connection:
            await provider_store.know(connection, [provider])
            await provider_store.pause(connection, provider, by=bearer.name, reason=body.reason)
            await provider_store.record_change(connection, bearer.name, "pause", {"provider": provider})

    @routes.post("/providers/{provider}/resume", status_code=HTTPStatus.NO_CONTENT)
    async def resume(provider: str, bearer: Annotated[Bearer, Depends(writes)]) -> None:
        """End a pause, and a wait that the provider asked for."""
        _known(provider, configured())
        async with database.transaction() as connection:
            await provider_store.resume(connection, provider)
            await provider_store.record_change(connection, bearer.name, "resume", {"provider": provider})
        async with database.connection() as connection:
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)

    return routes


def _known(provider: str, configured: frozenset[str]) -> None:
    if provider not in configured:
        names = ", ".join(sorted(configured)) or "none"
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no provider {provider!r} is configured; configured are: {names}")
