"""Pages that update themselves: who looks at the same page at the same time shares one look at the database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from sendto_dispatcher.ops.console.live import Live
from sendto_dispatcher.ops.console.render import Renderer
from sendto_dispatcher.ops.console.sessions import Sessions
from sendto_dispatcher.ops.console.views import Query, View, Views


class _Views:
    """One page, which counts how often it was loaded."""

    def __init__(self) -> None:
        self.loaded: list[Query] = []
        self.by_name = {"replays": View("_replays.html", self._load)}

    async def load(self, name: str, query: Query) -> dict[str, Any]:
        return await self.by_name[name].load(query)

    async def _load(self, query: Query) -> dict[str, Any]:
        self.loaded.append(query)
        await asyncio.sleep(0)
        return {"replays": []}


class _Sessions:
    async def bearer(self, token: str | None) -> object:
        return object() if token else None


def _live(views: _Views) -> Live:
    return Live(cast("Views", views), Renderer(), cast("Sessions", _Sessions()), asyncio.Event())


async def _first(live: Live, query: Query, who: str | None = "somebody") -> list[str]:
    """What a follower gets at first."""
    events: AsyncIterator[Any] = live.follow("replays", query, who)
    got = []
    async for event in events:
        got.append(str(event.event))
        if event.event == "page":
            break
    return got


async def test_many_who_look_at_one_page_cost_one_look() -> None:
    views = _Views()
    live = _live(views)

    followed = await asyncio.gather(*(_first(live, {"a": "1"}) for _ in range(10)))

    assert followed == [["away", "page"]] * 10
    assert views.loaded == [{"a": "1"}]


async def test_another_page_is_looked_at_for_itself() -> None:
    views = _Views()
    live = _live(views)

    await asyncio.gather(_first(live, {"a": "1"}), _first(live, {"a": "2"}))

    assert len(views.loaded) == 2


async def test_who_is_not_let_in_sees_nothing() -> None:
    views = _Views()

    assert await _first(_live(views), {}, None) == []
    assert views.loaded == []
