"""Lanes: listed in pages, and delivered again one by one."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.cursors import CursorInvalid, from_cursor, to_cursor
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.moves import LanesMoved, move_lane
from sendto_dispatcher.ops.story import LaneStory, lane_story
from sendto_dispatcher.store.listing import ListedState, Listing, Place, list_lanes
from sendto_dispatcher.store.story import lane_rows, provider_rows
from sendto_dispatcher.store.tokens import Bearer

LaneId = Annotated[int, Path(ge=1, le=ORDER_ID_MAX)]


class LanePage(BaseModel):
    """Some lanes, and where to go on: a page may be short and still have a next one."""

    data: list[LaneStory]
    next_cursor: str | None


class LaneFilter(BaseModel):
    """Which lanes to list."""

    provider: str | None = None
    state: ListedState = ListedState.BEHIND
    reason: str | None = None
    behind_for_s: Annotated[float | None, Query(ge=0)] = None
    cursor: str | None = None
    limit: Annotated[int, Query(ge=1, le=500)] = 50


def lane_routes(database: Database, doors: Doors, current: Current) -> APIRouter:
    """The routes under `/lanes`."""
    routes = APIRouter(prefix="/lanes", tags=["lanes"])

    @routes.get("")
    async def lanes(wanted: Annotated[LaneFilter, Query()], _: Annotated[Bearer, Depends(doors.reads)]) -> LanePage:
        """List lanes by state, provider, reason, and how long they have been behind."""
        return await lane_page(database, wanted, current)

    @routes.get("/{lane_id}")
    async def lane(lane_id: LaneId, _: Annotated[Bearer, Depends(doors.reads)]) -> LaneStory:
        """One lane."""
        async with database.connection() as connection:
            rows = await lane_rows(connection, [lane_id])
        if not rows:
            raise _no_lane(lane_id)
        return lane_story(rows[0], current())

    @routes.post("/{lane_id}/replay")
    async def replay_one(lane_id: LaneId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> LanesMoved:
        """Deliver the lane's newest state again, whatever was sent before; never makes a second object."""
        return await move_lane(database, lane_id, bearer, "replay")

    @routes.post("/{lane_id}/retry")
    async def retry_one(lane_id: LaneId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> LanesMoved:
        """Try a lane now that waits for its next attempt."""
        return await move_lane(database, lane_id, bearer, "retry")

    return routes


async def lane_page(database: Database, wanted: LaneFilter, current: Current) -> LanePage:
    """One page of lanes; answers 422 to a cursor that is none."""
    try:
        after = from_cursor(wanted.cursor) if wanted.cursor else Place()
    except CursorInvalid:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the cursor is none of ours") from None
    async with database.connection() as connection:
        providers = [wanted.provider] if wanted.provider else [r["provider"] for r in await provider_rows(connection)]
        listing = Listing(
            providers=providers,
            state=wanted.state,
            reason=wanted.reason,
            behind_for_s=wanted.behind_for_s,
            after=after,
            limit=wanted.limit,
        )
        page = await list_lanes(connection, listing)
        rows = await lane_rows(connection, page.lane_ids)
    configured = current()
    return LanePage(
        data=[lane_story(row, configured) for row in rows],
        next_cursor=to_cursor(page.next) if page.next else None,
    )


def _no_lane(lane_id: int) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, f"there is no lane {lane_id}")
