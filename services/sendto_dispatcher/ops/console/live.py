"""Pages that update themselves: what a page shows is sent again whenever it has changed."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from fastapi import HTTPException
from fastapi.sse import ServerSentEvent

from sendto.runtime.database import DatabaseAway
from sendto_dispatcher.ops.console.render import Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.console.views import Query, Views

_EVERY_S = 1.5
_SHARED_S = 1.0
_AWAY = '<p class="banner bad" role="alert">✖ The dispatcher\'s database is away; this is how it was before.</p>'


class Live:
    """Sends the parts of pages while someone looks, until the process stops."""

    def __init__(self, views: Views, renderer: Renderer, sessions: Sessions, stopping: asyncio.Event) -> None:
        self._views = views
        self._renderer = renderer
        self._sessions = sessions
        self._stopping = stopping
        self._parts: dict[tuple[object, ...], tuple[float, asyncio.Task[str]]] = {}

    async def follow(self, name: str, query: Query, token: str | None) -> AsyncIterator[ServerSentEvent]:
        """The part of a page, and again each time it has changed; ends when the token no longer lets in."""
        shown = None
        while not self._stopping.is_set():
            try:
                if await self._sessions.bearer(token) is None:
                    return
                part = await self._part(name, query)
                event = ServerSentEvent(event="page", raw_data=part)
                away = ServerSentEvent(event="away", raw_data="<!-- back -->")
            except HTTPException:
                return
            except DatabaseAway:
                part, event, away = None, None, ServerSentEvent(event="away", raw_data=_AWAY)
            if part is None or part != shown:
                yield away
                if event is not None:
                    yield event
            shown = part
            await self._pause()

    async def _part(self, name: str, query: Query) -> str:
        """What a page shows; who looks at the same page at the same time shares one look at the database."""
        key, now_s = (name, *sorted(query.items())), monotonic()
        self._parts = {one: told for one, told in self._parts.items() if now_s - told[0] < _SHARED_S}
        if key not in self._parts:
            self._parts[key] = now_s, asyncio.create_task(self._rendered(name, query))
        return await asyncio.shield(self._parts[key][1])

    async def _rendered(self, name: str, query: Query) -> str:
        return self._renderer.part(self._views.by_name[name].template, **await self._views.load(name, query))

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_EVERY_S):
                await self._stopping.wait()
        except TimeoutError:
            return
