"""Replays of many lanes: first a count, then a run with progress that can be cancelled."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from sendto.runtime.database import Database
from sendto_dispatcher.ops.actions import Actions
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.moves import LanesMoved
from sendto_dispatcher.ops.replayer import Replayer
from sendto_dispatcher.ops.run_routes import Runs, run_routes
from sendto_dispatcher.store import replays as store
from sendto_dispatcher.store.selection import ChosenState, Selection
from sendto_dispatcher.store.tokens import Bearer


class Chosen(BaseModel):
    """Which lanes: of one provider, in a state, with a reason, that last changed in a window of time."""

    provider: str
    state: ChosenState | None = None
    reason: str | None = None
    changed_after: AwareDatetime | None = None
    changed_before: AwareDatetime | None = None

    def selection(self) -> Selection:
        """As the store takes it."""
        return Selection(**{name: getattr(self, name) for name in Selection.__dataclass_fields__})


class ReplayRequest(Chosen):
    """A replay to begin; if `lanes` is given, it is not begun where more lanes than that are chosen by now."""

    lanes: Annotated[int | None, Field(ge=0)] = None


class ReplayRun(BaseModel):
    """A replay, and how far it is."""

    id: int
    token_name: str
    provider: str
    state: str | None
    reason: str | None
    changed_after: datetime | None
    changed_before: datetime | None
    lanes: int
    looked_at: int
    replayed: int
    started_at: datetime
    ended_at: datetime | None
    cancelled_by: str | None


def replay_routes(database: Database, doors: Doors, actions: Actions, replayer: Replayer) -> APIRouter:
    """The routes under `/replays`."""
    routes = APIRouter(prefix="/replays", tags=["replays"])

    @routes.get("/count")
    async def count(chosen: Annotated[Chosen, Query()], _: Annotated[Bearer, Depends(doors.reads)]) -> LanesMoved:
        """How many lanes a replay would concern."""
        return LanesMoved(lanes=await actions.count(chosen.selection()))

    @routes.post("", status_code=HTTPStatus.CREATED)
    async def begin(body: ReplayRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> ReplayRun:
        """Deliver the chosen lanes again, paced so that fresh changes do not wait behind them."""
        row = await actions.begin_replay(bearer, body.selection(), body.lanes)
        replayer.wake()
        return ReplayRun(**row)

    runs = Runs(
        shown=ReplayRun,
        rows=store.replay_rows,
        row=store.replay_row,
        cancel=actions.cancel_replay,
        name="replay",
        listed="The replays, newest first.",
        ended="End a replay where it is; lanes that it has made due are delivered.",
    )
    run_routes(routes, "", runs, database, doors)
    return routes
