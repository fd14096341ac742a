"""Delivering again, or at once: of one lane, or of all lanes of an order."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal

from fastapi import HTTPException
from pydantic import BaseModel

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.claims import CHANNEL
from sendto_dispatcher.store.replay import replay, retry_now
from sendto_dispatcher.store.story import lane_ids_of_order, lane_rows
from sendto_dispatcher.store.tokens import Bearer

Move = Literal["replay", "retry"]


class LanesMoved(BaseModel):
    """How many lanes an action concerned."""

    lanes: int


async def move_lane(database: Database, lane_id: int, bearer: Bearer, move: Move) -> LanesMoved:
    """Move one lane; answers 404 where there is none."""

    async def work(connection: Connection) -> int:
        if not await lane_rows(connection, [lane_id]):
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no lane {lane_id}")
        return await _move(connection, [lane_id], bearer, move, {"lane": lane_id})

    return await _moved(database, await database.in_transaction(work))


async def move_order(database: Database, order_id: int, bearer: Bearer, move: Move) -> LanesMoved:
    """Move all lanes of an order; answers 404 where there is none."""

    async def work(connection: Connection) -> int:
        lane_ids = await lane_ids_of_order(connection, order_id)
        if not lane_ids:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"order {order_id} has no lanes")
        return await _move(connection, lane_ids, bearer, move, {"order_id": order_id})

    return await _moved(database, await database.in_transaction(work))


async def _move(
    connection: Connection, lane_ids: Sequence[int], bearer: Bearer, move: Move, target: dict[str, int]
) -> int:
    moved = await (replay if move == "replay" else retry_now)(connection, lane_ids)
    await record_change(connection, bearer.name, move, target, lanes=moved)
    return moved


async def _moved(database: Database, lanes: int) -> LanesMoved:
    await wake_engines(database)
    return LanesMoved(lanes=lanes)


async def wake_engines(database: Database) -> None:
    """Tell every replica that lanes may have become due; after the commit."""
    async with database.connection() as connection:
        await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
