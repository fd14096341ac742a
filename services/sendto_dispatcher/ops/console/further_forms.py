"""Buttons that ask first or go on in steps: routes applied, events taken again, audits, renames, sources reset."""

import re
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from sendto.events.customer import PROVIDER_NAME
from sendto.runtime.database import Database
from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.audit import AuditRequest, Audits
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.console.forms import back
from sendto_dispatcher.ops.console.pages import form_of
from sendto_dispatcher.ops.console.render import Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.rejected_routes import RejectedId, TakeRequest
from sendto_dispatcher.ops.renaming import rename
from sendto_dispatcher.ops.resetting import count_reset, reset
from sendto_dispatcher.ops.route_routes import routes_counted
from sendto_dispatcher.ops.run_routes import RunId
from sendto_dispatcher.ops.source_routes import ResetRequest
from sendto_dispatcher.store.tokens import Bearer

_EVENTS = 200
_AUDIT_S = 10.0


def route_forms(routes: APIRouter, acting: Acting, renderer: Renderer, sessions: Sessions) -> None:
    """Add applying the routes to known orders."""
    acts = Annotated[Bearer, Depends(sessions.acts)]

    @routes.post("/routes/apply")
    async def apply(request: Request, bearer: acts) -> Response:
        """Count first; the same form again, with the count in it, begins."""
        form = await form_of(request)
        if not form.get("orders", "").isdigit():
            configured, counted = await acting.routes.count()
            told = routes_counted(configured.digest, counted)
            return renderer.page("routes_apply.html", bearer=bearer, path="/routes", counted=told)
        await acting.routes.begin(bearer, form.get("digest", ""), int(form["orders"]))
        acting.rerouter.wake()
        return back("/routes")

    @routes.post("/routes/{run_id}/cancel")
    async def cancel(run_id: RunId, bearer: acts) -> RedirectResponse:
        await acting.routes.cancel(bearer, run_id)
        return back("/routes")


def naming_forms(
    routes: APIRouter, database: Database, current: Current, renderer: Renderer, sessions: Sessions
) -> None:
    """Add giving a provider another name, and forgetting the versions of a source: both ask first."""
    acts = Annotated[Bearer, Depends(sessions.acts)]

    @routes.post("/providers/{name}/rename")
    async def rename_(name: str, request: Request, bearer: acts) -> Response:
        form = await form_of(request)
        new = form.get("to", "").strip()
        if re.fullmatch(PROVIDER_NAME, new) is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{new!r} is no name of a provider")
        if not form.get("confirmed"):
            return renderer.page("rename.html", bearer=bearer, path=f"/providers/{name}", old=name, new=new)
        await rename(database, current, bearer, name, new)
        return back(f"/providers/{quote(new, safe='')}")

    @routes.post("/sources/reset")
    async def reset_(request: Request, bearer: acts) -> Response:
        form = await form_of(request)
        try:
            wanted = ResetRequest.model_validate({name: form[name] for name in ("source", "above") if form.get(name)})
        except ValidationError:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "a version is a whole number from -1 on") from None
        if not form.get("confirmed"):
            orders = await count_reset(database, wanted.source, above=wanted.above)
            return renderer.page("source_reset.html", bearer=bearer, path="/sources", wanted=wanted, orders=orders)
        await reset(database, bearer, wanted.source, above=wanted.above)
        return back("/changes")


def rejected_forms(routes: APIRouter, acting: Acting, renderer: Renderer, sessions: Sessions) -> None:
    """Add taking rejected events again."""
    acts = Annotated[Bearer, Depends(sessions.acts)]

    @routes.post("/rejected/{rejected_id}/take")
    async def take_one(rejected_id: RejectedId, bearer: acts) -> RedirectResponse:
        again = await acting.rejected.take_one(bearer, rejected_id)
        return back(f"/orders/{again.order_id}")

    @routes.post("/rejected/take")
    async def take_some(request: Request, bearer: acts) -> Response:
        """Some at each press, so that each ends within moments; the page tells what became of them, and goes on."""
        form = await form_of(request)
        after = form.get("after", "")
        asked = TakeRequest(
            reason=form.get("reason") or None,
            source=form.get("source") or None,
            after=int(after) if after.isdigit() else 0,
            limit=_EVENTS,
        )
        taken = await acting.rejected.take_some(bearer, asked.chosen(), after=asked.after, limit=asked.limit)
        return renderer.page("rejected_taken.html", bearer=bearer, path="/rejected", asked=asked, taken=taken)


def audit_forms(routes: APIRouter, audits: Audits, renderer: Renderer, sessions: Sessions) -> None:
    """Add comparing with what a provider holds."""
    acts = Annotated[Bearer, Depends(sessions.acts)]

    @routes.post("/providers/{name}/audit")
    async def audit(name: str, request: Request, bearer: acts) -> Response:
        form = await form_of(request)
        after = form.get("after", "")
        asked = AuditRequest(
            after=int(after) if after.isdigit() else 0, repair=bool(form.get("repair")), time_s=_AUDIT_S
        )
        page = await audits.page(bearer, name, asked)
        return renderer.page("audit.html", bearer=bearer, path=f"/providers/{name}", name=name, asked=asked, page=page)
