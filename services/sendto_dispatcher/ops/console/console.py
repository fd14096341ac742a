"""The console put together: its routes, and how what goes wrong in them is shown."""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute

from sendto.runtime.database import Database, DatabaseAway
from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.audit import Audits
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.console.forms import form_routes, personal_routes
from sendto_dispatcher.ops.console.further_forms import audit_forms, naming_forms, rejected_forms, route_forms
from sendto_dispatcher.ops.console.live import Live
from sendto_dispatcher.ops.console.pages import live_routes, page_routes, sign_in_routes
from sendto_dispatcher.ops.console.render import HEADERS, Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.console.views import Views
from sendto_dispatcher.ops.overview import Glance

_RENDERER = Renderer()
_AWAY = "the dispatcher's database is away; nothing is lost, and it goes on by itself"


class ConsoleRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's way to wrap a route."""
        answer = super().get_route_handler()

        async def answer_or_say(request: Request) -> Response:
            try:
                return await answer(request)
            except HTTPException as error:
                if error.status_code == HTTPStatus.SEE_OTHER:
                    return Response(status_code=error.status_code, headers=HEADERS | dict(error.headers or {}))
                return _RENDERER.page("error.html", error.status_code, words=str(error.detail))
            except RequestValidationError:
                return _RENDERER.page("error.html", HTTPStatus.NOT_FOUND, words="there is no such page")
            except DatabaseAway:
                return _RENDERER.page("error.html", HTTPStatus.SERVICE_UNAVAILABLE, words=_AWAY)

        return answer_or_say


def console_routes(
    database: Database,
    current: Current,
    glance: Glance,
    acting: Acting,
    stopping: asyncio.Event,
) -> APIRouter:
    """The pages, from `/` on; `stopping` ends those that update themselves."""
    routes = APIRouter(include_in_schema=False, route_class=ConsoleRoute)
    sessions = Sessions(database)
    views = Views(database, current, glance)
    page_routes(routes, views, _RENDERER, sessions)
    live_routes(routes, views, sessions, Live(views, _RENDERER, sessions, stopping))
    sign_in_routes(routes, _RENDERER, sessions)
    form_routes(routes, database, acting, _RENDERER, sessions)
    route_forms(routes, acting, _RENDERER, sessions)
    naming_forms(routes, database, current, _RENDERER, sessions)
    rejected_forms(routes, acting, _RENDERER, sessions)
    audit_forms(routes, Audits(database, current), _RENDERER, sessions)
    personal_routes(routes, database, acting, _RENDERER, sessions)
    return routes
