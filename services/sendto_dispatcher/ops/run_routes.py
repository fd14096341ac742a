"""Routes that all work of ops has which goes on in steps: a list, one of them, and its end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.store.tokens import Bearer

RunId = Annotated[int, Path(ge=1, le=2**63 - 1)]
BeforeId = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=500)]

Row = dict[str, Any]


class ListRows(Protocol):
    """Rows of runs, newest first."""

    async def __call__(self, connection: Connection, *, before_id: int | None, limit: int) -> list[Row]:
        """Those with a lower id than `before_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Work of one kind: how its rows are shown, read and ended, and what its routes say of themselves."""

    shown: type[BaseModel]
    rows: ListRows
    row: Callable[[Connection, int], Awaitable[Row | None]]
    cancel: Callable[[Bearer, int], Awaitable[Row]]
    name: str
    """of one, in words"""
    listed: str
    """what the list says of itself"""
    ended: str
    """what its end says of itself"""


def run_routes(routes: APIRouter, path: str, runs: Runs, database: Database, doors: Doors) -> None:
    """Add the routes below `path`."""

    @routes.get(path, response_model=list[runs.shown], description=runs.listed)  # type: ignore[name-defined]  # known at run time only
    async def listed(
        _: Annotated[Bearer, Depends(doors.reads)], before_id: BeforeId = None, limit: Limit = 50
    ) -> list[Row]:
        async with database.connection() as connection:
            return await runs.rows(connection, before_id=before_id, limit=limit)

    @routes.get(f"{path}/{{run_id}}", response_model=runs.shown, description=f"One {runs.name}, and how far it is.")
    async def one(run_id: RunId, _: Annotated[Bearer, Depends(doors.reads)]) -> Row:
        async with database.connection() as connection:
            row = await runs.row(connection, run_id)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {runs.name} {run_id}")
        return row

    @routes.post(f"{path}/{{run_id}}/cancel", response_model=runs.shown, description=runs.ended)
    async def cancel(run_id: RunId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> Row:
        return await runs.cancel(bearer, run_id)
