"""What ops changed."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sendto.runtime.database import Database
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.store.changes import change_rows
from sendto_dispatcher.store.tokens import Bearer


class ChangeShown(BaseModel):
    """When, by which token, what, how many lanes."""

    id: int
    changed_at: datetime
    token_name: str
    action: str
    target: dict[str, Any]
    lanes: int


def change_routes(database: Database, doors: Doors) -> APIRouter:
    """The routes under `/changes`."""
    routes = APIRouter(prefix="/changes", tags=["changes"])

    @routes.get("")
    async def changes(
        _: Annotated[Bearer, Depends(doors.reads)],
        before_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[ChangeShown]:
        """What ops changed, newest first."""
        async with database.connection() as connection:
            rows = await change_rows(connection, before_id=before_id, limit=limit)
        return [ChangeShown(**row) for row in rows]

    return routes
