"""What the console's buttons do. After each the browser goes on to a page that shows it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from sendto.runtime.database import Database
from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.console.pages import form_of
from sendto_dispatcher.ops.console.render import Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.moves import move_lane, move_order
from sendto_dispatcher.ops.order_routes import OrderId
from sendto_dispatcher.ops.personal import shown_customers
from sendto_dispatcher.ops.rejected_routes import RejectedId
from sendto_dispatcher.ops.replay_routes import Chosen
from sendto_dispatcher.store.tokens import Bearer

_LONGEST_REASON = 500


def form_routes(
    routes: APIRouter,
    database: Database,
    acting: Acting,
    renderer: Renderer,
    sessions: Sessions,
) -> None:
    """Add everything that changes something."""
    acts = Annotated[Bearer, Depends(sessions.acts)]
    actions = acting.actions

    @routes.post("/providers/{name}/pause")
    async def pause(name: str, request: Request, bearer: acts) -> RedirectResponse:
        reason = (await form_of(request)).get("reason", "").strip()[:_LONGEST_REASON]
        await actions.pause(bearer, name, reason or None)
        return back(f"/providers/{name}")

    @routes.post("/providers/{name}/resume")
    async def resume(name: str, bearer: acts) -> RedirectResponse:
        await actions.resume(bearer, name)
        return back(f"/providers/{name}")

    @routes.post("/orders/{order_id}/replay")
    async def replay_order(order_id: OrderId, bearer: acts) -> RedirectResponse:
        await move_order(database, order_id, bearer, "replay")
        return back(f"/orders/{order_id}")

    @routes.post("/lanes/{lane_id}/{move}")
    async def move(lane_id: int, move: str, request: Request, bearer: acts) -> RedirectResponse:
        if move not in {"replay", "retry"}:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such page")
        order_id = (await form_of(request)).get("order_id", "")
        await move_lane(database, lane_id, bearer, "replay" if move == "replay" else "retry")
        return back(f"/orders/{order_id}" if order_id.isdigit() else "/lanes")

    @routes.post("/replays")
    async def replay(request: Request, bearer: acts) -> Response:
        """Count first; the same form again, with the count in it, begins the replay."""
        form = await form_of(request)
        chosen = _chosen(form)
        if not form.get("lanes", "").isdigit():
            lanes = await actions.count(chosen.selection())
            return renderer.page("replay.html", bearer=bearer, path="/replays", chosen=chosen, lanes=lanes)
        await actions.begin_replay(bearer, chosen.selection(), int(form["lanes"]))
        acting.replayer.wake()
        return back("/replays")

    @routes.post("/replays/{run_id}/cancel")
    async def cancel(run_id: int, bearer: acts) -> RedirectResponse:
        await actions.cancel_replay(bearer, run_id)
        return back("/replays")


def personal_routes(
    routes: APIRouter, database: Database, acting: Acting, renderer: Renderer, sessions: Sessions
) -> None:
    """Add personal data, with a permission of its own; that it was asked for is recorded with its being shown."""
    shows = Annotated[Bearer, Depends(sessions.shows)]

    @routes.post("/orders/{order_id}/customer")
    async def customer(order_id: OrderId, bearer: shows) -> HTMLResponse:
        _must_see_personal(bearer)
        rows = await shown_customers(database, bearer, order_id)
        return renderer.page(
            "customer.html", bearer=bearer, path=f"/orders/{order_id}", order_id=order_id, customers=rows
        )

    @routes.post("/rejected/{rejected_id}/record")
    async def record(rejected_id: RejectedId, bearer: shows) -> HTMLResponse:
        _must_see_personal(bearer)
        row, found = await acting.rejected.record(bearer, rejected_id)
        return renderer.page("record.html", bearer=bearer, path="/rejected", row=row, record=found)


def _must_see_personal(bearer: Bearer) -> None:
    if not bearer.may("personal:read"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "the token lacks the permission personal:read")


def _chosen(form: Mapping[str, str]) -> Chosen:
    try:
        return Chosen.model_validate({name: value for name, value in form.items() if value and name != "lanes"})
    except ValidationError as error:
        words = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors(include_input=False))
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, words) from None


def back(path: str) -> RedirectResponse:
    """On to a page that shows what was done."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)
