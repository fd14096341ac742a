"""What each page shows: a template for the part that updates itself, and what is in it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from pydantic import ValidationError

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.lane_routes import LaneFilter, lane_page
from sendto_dispatcher.ops.overview import Glance
from sendto_dispatcher.ops.route_routes import unrouted_orders
from sendto_dispatcher.ops.story import order_story
from sendto_dispatcher.store.changes import change_rows
from sendto_dispatcher.store.overview import newest_attempts
from sendto_dispatcher.store.rejected_listing import Chosen, rejected_rows
from sendto_dispatcher.store.replays import replay_rows
from sendto_dispatcher.store.reroutes import reroute_rows
from sendto_dispatcher.store.sources import heard_sources
from sendto_dispatcher.store.story import database_now, order_rows

Query = Mapping[str, str]
Context = dict[str, Any]
_SOME = 50
_MANY = 100
_CONDITIONS = ("order_type", "country", "location_id", "source", "payment")
_WHOSE = {"provider", "source"}


@dataclass(frozen=True, slots=True)
class View:
    """A part of a page that updates itself."""

    template: str
    load: Callable[[Query], Awaitable[Context]]


class Views:
    """All of them, by name."""

    def __init__(self, database: Database, current: Current, glance: Glance) -> None:
        self._database = database
        self._current = current
        self._glance = glance
        self.by_name = {
            "overview": View("_overview.html", self._overview),
            "provider": View("_provider.html", self._provider),
            "lanes": View("_lanes.html", self._lanes),
            "order": View("_order.html", self._order),
            "attempts": View("_attempts.html", self._attempts),
            "replays": View("_replays.html", self._replays),
            "routes": View("_routes.html", self._routes),
            "unrouted": View("_unrouted.html", self._unrouted),
            "sources": View("_sources.html", self._sources),
            "rejected": View("_rejected.html", self._rejected),
            "changes": View("_changes.html", self._changes),
            "configuration": View("_configuration.html", self._configuration),
        }

    async def load(self, name: str, query: Query) -> Context:
        """What a page shows now; answers 404 or 422 where there is no such thing."""
        return await self.by_name[name].load(query)

    async def _overview(self, _: Query) -> Context:
        return {"overview": await self._glance.overview()}

    async def _provider(self, query: Query) -> Context:
        overview = await self._glance.overview()
        found = [one for one in overview.providers if one.provider == query.get("name")]
        if not found:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"no provider {query.get('name')!r} is known")
        troubles = [one for one in overview.troubles if one.provider == found[0].provider]
        async with self._database.connection() as connection:
            attempts = await newest_attempts(connection, provider=found[0].provider, limit=_SOME)
        return {"provider": found[0], "troubles": troubles, "attempts": attempts, "at": overview.at}

    async def _lanes(self, query: Query) -> Context:
        try:
            wanted = LaneFilter.model_validate({name: value for name, value in query.items() if value})
        except ValidationError as error:
            words = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, words) from None
        page = await lane_page(self._database, wanted, self._current)
        async with self._database.connection() as connection:
            now = await database_now(connection)
        return {"lanes": page.data, "next_cursor": page.next_cursor, "wanted": wanted, "at": now}

    async def _order(self, query: Query) -> Context:
        text = query.get("order_id", "")
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= ORDER_ID_MAX):
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{text!r} is no order's number")
        async with self._database.connection() as connection:
            rows = await order_rows(connection, int(text))
            now = await database_now(connection)
        story = order_story(int(text), rows, self._current())
        return {"story": story, "timeline": _timeline(story), "at": now}

    async def _attempts(self, query: Query) -> Context:
        provider, failed = query.get("provider") or None, bool(query.get("failed"))
        async with self._database.connection() as connection:
            attempts = await newest_attempts(connection, provider=provider, failed=failed, limit=_MANY)
        return {"attempts": attempts, "wanted": {"provider": provider, "failed": failed}}

    async def _replays(self, _: Query) -> Context:
        async with self._database.connection() as connection:
            return {"replays": await replay_rows(connection, before_id=None, limit=_SOME)}

    async def _routes(self, _: Query) -> Context:
        routing = self._current().routing
        async with self._database.connection() as connection:
            runs = await reroute_rows(connection, before_id=None, limit=_SOME)
        return {"runs": runs, "rules": list(_rules(routing)), "default": routing.default}

    async def _unrouted(self, query: Query) -> Context:
        source = query.get("before_source", "")
        orders = await unrouted_orders(self._database, before_id=_before(query), before_source=source, limit=_SOME)
        return {"orders": orders, "page": _SOME}

    async def _sources(self, _: Query) -> Context:
        async with self._database.connection() as connection:
            return {"sources": await heard_sources(connection)}

    async def _rejected(self, query: Query) -> Context:
        chosen = Chosen(reason=query.get("reason") or None, source=query.get("source") or None)
        async with self._database.connection() as connection:
            rows = await rejected_rows(connection, chosen, before_id=_before(query), limit=_SOME)
        return {"rejected": rows, "page": _SOME, "chosen": chosen}

    async def _changes(self, query: Query) -> Context:
        async with self._database.connection() as connection:
            rows = await change_rows(connection, before_id=_before(query), limit=_SOME)
        return {"changes": [row | {"target": _told_first(row["target"])} for row in rows], "page": _SOME}

    async def _configuration(self, _: Query) -> Context:
        overview = await self._glance.overview()
        current = self._current()
        return {"configured": current, "processes": overview.processes, "sections": list(_sections(current.shown))}


def _told_first(target: Mapping[str, Any]) -> Context:
    """Whose change it is, before what belongs to it."""
    return dict(sorted(target.items(), key=lambda one: one[0] not in _WHOSE))


def _before(query: Query) -> int | None:
    text = query.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(ORDER_ID_MAX)) else None


def _timeline(story: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - the kinds of events differ
    """Everything that happened to an order, newest first."""
    happened = [
        *(("event", one.taken_at, one) for one in story.events),
        *(("attempt", one.started_at, one) for one in story.attempts),
        *(("rejected", one.rejected_at, one) for one in story.rejected),
    ]
    return [(kind, one) for kind, _, one in sorted(happened, key=lambda told: told[1], reverse=True)]


def _rules(routing: Routing) -> Iterator[Context]:
    for number, rule in enumerate(routing.rules, start=1):
        wanted = {name.replace("_", " ").removesuffix(" id"): getattr(rule, name) for name in _CONDITIONS}
        conditions = [(name, sorted(map(str, values))) for name, values in wanted.items() if values is not None]
        yield {"number": number, "to": rule.to, "conditions": conditions}


def _sections(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A configuration as its file has it: each section's heading and settings, then the sections below it."""
    settings = [(name, value) for name, value in tree.items() if not _is_section(value)]
    if settings:
        yield f"[{path}]" if path else "", settings
    for name, value in tree.items():
        below = f"{path}.{name}".strip(".")
        if isinstance(value, dict):
            yield from _sections(value, below)
        elif _is_section(value):
            for one in value:
                yield f"[[{below}]]", [(key, _without_none(inner)) for key, inner in one.items()]


def _is_section(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _without_none(value: Any) -> Any:  # noqa: ANN401 - of a configuration
    return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else value
