"""Rejected events: listed, shown, and taken again once what kept them away is mended."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from sendto.runtime.database import Database
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.rejected_actions import RejectedActions
from sendto_dispatcher.store import rejected_listing as store
from sendto_dispatcher.store.tokens import Bearer

RejectedId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class RejectedShown(BaseModel):
    """A rejected event: why, and where it stands; what is in it is asked for apart."""

    id: int
    topic: str
    partition: int
    record_offset: int
    source: str | None
    order_id: int | None
    reason: str
    detail: str
    rejected_at: datetime
    published_at: datetime | None
    """when it was published to the dead-letter topic"""
    value_bytes: int


class RejectedFilter(BaseModel):
    """Which rejected events."""

    reason: str | None = None
    source: str | None = None

    def chosen(self) -> store.Chosen:
        """As the store takes it."""
        return store.Chosen(reason=self.reason, source=self.source)


class RejectedPage(RejectedFilter):
    """Which of them to list."""

    before_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
    limit: Annotated[int, Query(ge=1, le=500)] = 50


class TakeRequest(RejectedFilter):
    """Which of them to take again: the next ones after `after`, the oldest first."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class RejectedCount(BaseModel):
    """How many there are."""

    events: int


class EventTaken(BaseModel):
    """What became of an event that was taken again."""

    verdict: str
    """counted, stale, repeated"""
    order_id: int
    lanes: int


class EventRefused(BaseModel):
    """An event that stays rejected, and why."""

    id: int
    why: str


class EventsTaken(BaseModel):
    """What became of a stretch of them."""

    taken: dict[str, int]
    """how many, by verdict"""
    refused: list[EventRefused]
    next_after: int | None
    """where to go on; null at the end"""


class RecordShown(BaseModel):
    """A rejected event's bytes as text."""

    key: str | None
    headers: list[tuple[str, str | None]]
    value: str | None


def rejected_routes(database: Database, doors: Doors, actions: RejectedActions) -> APIRouter:
    """The routes under `/rejected`."""
    routes = APIRouter(prefix="/rejected", tags=["rejected"])

    @routes.get("")
    async def rejected(
        wanted: Annotated[RejectedPage, Query()], _: Annotated[Bearer, Depends(doors.reads)]
    ) -> list[RejectedShown]:
        """The rejected events, newest first."""
        async with database.connection() as connection:
            rows = await store.rejected_rows(
                connection, wanted.chosen(), before_id=wanted.before_id, limit=wanted.limit
            )
        return [RejectedShown(**row) for row in rows]

    @routes.get("/count")
    async def count(
        wanted: Annotated[RejectedFilter, Query()], _: Annotated[Bearer, Depends(doors.reads)]
    ) -> RejectedCount:
        """How many rejected events there are."""
        async with database.connection() as connection:
            return RejectedCount(events=await store.count_rejected(connection, wanted.chosen()))

    @routes.post("/take")
    async def take_some(body: TakeRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> EventsTaken:
        """Take a stretch of rejected events again by the configuration in force; call again with `next_after`."""
        taken = await actions.take_some(bearer, body.chosen(), after=body.after, limit=body.limit)
        return EventsTaken(
            taken=dict(taken.verdicts),
            refused=[EventRefused(id=rejected_id, why=why) for rejected_id, why in taken.refused],
            next_after=taken.next_after,
        )

    @routes.post("/{rejected_id}/take")
    async def take_one(rejected_id: RejectedId, bearer: Annotated[Bearer, Depends(doors.writes)]) -> EventTaken:
        """Take a rejected event again by the configuration in force; one without a version only if it is the newest."""
        again = await actions.take_one(bearer, rejected_id)
        return EventTaken.model_validate(again, from_attributes=True)

    @routes.post("/{rejected_id}/record")
    async def record(rejected_id: RejectedId, bearer: Annotated[Bearer, Depends(doors.shows)]) -> RecordShown:
        """The event's bytes, which may hold personal data: needs `personal:read`, and is recorded."""
        _, found = await actions.record(bearer, rejected_id)
        shown: dict[str, Any] = found or {"key": None, "headers": [], "value": None}
        return RecordShown(**shown)

    return routes
