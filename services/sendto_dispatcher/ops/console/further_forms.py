"""Buttons whose work goes on in steps: routes applied, rejected events taken again, providers audited."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.audit import AuditRequest, Audits
from sendto_dispatcher.ops.console.forms import back
from sendto_dispatcher.ops.console.pages import form_of
from sendto_dispatcher.ops.console.render import Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.rejected_routes import RejectedId, TakeRequest
from sendto_dispatcher.ops.route_routes import routes_counted
from sendto_dispatcher.ops.run_routes import RunId
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
