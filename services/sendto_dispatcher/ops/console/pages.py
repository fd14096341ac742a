"""The console's pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sendto_dispatcher.ops.console.live import Live
from sendto_dispatcher.ops.console.render import HEADERS, Renderer
from sendto_dispatcher.ops.console.sessions import COOKIE, Sessions, must_be_ours, safe_next
from sendto_dispatcher.ops.console.views import Query, Views
from sendto_dispatcher.store.tokens import Bearer

_STATIC = Path(__file__).parent / "static"
_FILES = {str(path.relative_to(_STATIC)): path for path in _STATIC.rglob("*") if path.is_file()}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".LICENSE": "text/plain"}
_LARGEST_FORM_BYTES = 16_384


def page_routes(routes: APIRouter, views: Views, renderer: Renderer, sessions: Sessions) -> None:
    """Add the pages to look at; what they do is in `forms`."""
    looks = Annotated[Bearer, Depends(sessions.looks)]

    async def show(name: str, request: Request, bearer: Bearer, query: Query) -> HTMLResponse:
        context = await views.load(name, query)
        stream = f"/live/{name}?{urlencode(query)}"
        return renderer.page(f"{name}.html", bearer=bearer, stream=stream, path=request.url.path, **context)

    @routes.get("/")
    async def overview(request: Request, bearer: looks) -> HTMLResponse:
        return await show("overview", request, bearer, {})

    @routes.get("/providers/{name}")
    async def provider(name: str, request: Request, bearer: looks) -> HTMLResponse:
        return await show("provider", request, bearer, {"name": name})

    @routes.get("/orders")
    async def find(request: Request, _: looks) -> Response:
        wanted = request.query_params.get("order_id", "").strip()
        return RedirectResponse(f"/orders/{wanted or '0'}", HTTPStatus.SEE_OTHER)

    @routes.get("/orders/{order_id}")
    async def order(order_id: str, request: Request, bearer: looks) -> HTMLResponse:
        return await show("order", request, bearer, {"order_id": order_id})

    def listing(name: str) -> Callable[..., Awaitable[HTMLResponse]]:
        async def page(request: Request, bearer: looks) -> HTMLResponse:
            return await show(name, request, bearer, dict(request.query_params))

        return page

    for name in (
        "lanes",
        "attempts",
        "replays",
        "rejected",
        "routes",
        "unrouted",
        "sources",
        "changes",
        "configuration",
    ):
        routes.add_api_route(f"/{name}", listing(name), methods=["GET"])


def live_routes(routes: APIRouter, views: Views, sessions: Sessions, live: Live) -> None:
    """Add the streams of the pages, and the files that they use."""
    looks = Annotated[Bearer, Depends(sessions.looks)]

    @routes.get("/live/{name}", response_class=EventSourceResponse)
    async def follow(name: str, request: Request, _: looks) -> AsyncIterator[ServerSentEvent]:
        if name in views.by_name:
            async for event in live.follow(name, dict(request.query_params), request.cookies.get(COOKIE)):
                yield event

    @routes.get("/static/{path:path}")
    async def static(path: str) -> FileResponse:
        if path not in _FILES:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such file")
        file = _FILES[path]
        headers = HEADERS | {"Cache-Control": "max-age=3600"}
        return FileResponse(file, media_type=_TYPES.get(file.suffix), headers=headers)


def sign_in_routes(routes: APIRouter, renderer: Renderer, sessions: Sessions) -> None:
    """Add signing in and out."""

    @routes.get("/sign-in")
    async def ask(request: Request) -> HTMLResponse:
        return renderer.page("sign_in.html", next=safe_next(request.query_params.get("next", "/")), refused=False)

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        must_be_ours(request)
        form = await form_of(request)
        token, wanted = form.get("token", "").strip(), safe_next(form.get("next", "/"))
        if await sessions.bearer(token) is None:
            return renderer.page("sign_in.html", HTTPStatus.FORBIDDEN, next=wanted, refused=True)
        response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        sessions.keep(request, response, token)
        return response

    @routes.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        must_be_ours(request)
        response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE)
        return response


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; a body that is larger than any of ours is refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too large")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
