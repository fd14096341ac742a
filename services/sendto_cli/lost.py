"""What the API's database has lost: its orders compared with those that the dispatcher knows from it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from sendto_cli.errors import CommandFailed
from sendto_cli.remote import Remote

API_SOURCE = "/sendto/api"
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Lost:
    """An order of which the dispatcher knows newer state than the API."""

    order_id: int
    what: str
    """`missing`: the API has no such order; `older`: it has an older state; `back`: its customer was deleted since"""


@dataclass(slots=True)
class Comparison:
    """What was found."""

    compared: int
    highest: int
    """the highest number of an order that the dispatcher knows from the API"""
    lost: list[Lost]

    def object(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


async def compare(api: Remote, dispatcher: Remote, since: datetime) -> Comparison:
    """Compare the orders whose state has changed since then."""
    found = Comparison(compared=0, highest=0, lost=[])
    async for page in _pages(dispatcher, since):
        found.highest = page["highest"]
        for first in range(0, len(page["data"]), _AT_ONCE):
            some = page["data"][first : first + _AT_ONCE]
            answers = await asyncio.gather(*(_difference(api, known) for known in some))
            found.lost += [one for one in answers if one is not None]
            found.compared += len(some)
    return found


async def _pages(dispatcher: Remote, since: datetime) -> AsyncIterator[dict[str, Any]]:
    wanted = {"source": API_SOURCE, "since": since.isoformat(), "after_order_id": 0}
    while True:
        page = await dispatcher.get(f"/ops/sources/orders?{urlencode(wanted)}")
        if page is None:
            raise CommandFailed("the dispatcher does not tell which orders have changed: it is of an older release")
        yield page
        if not page["data"]:
            return
        last = page["data"][-1]
        wanted = wanted | {"since": last["changed_at"], "after_order_id": last["order_id"]}


async def _difference(api: Remote, known: dict[str, Any]) -> Lost | None:
    order_id = known["order_id"]
    answer = await api.call("GET", f"/v3/orders/{order_id}?include=customer")
    if answer.status == HTTPStatus.NOT_FOUND:
        return Lost(order_id, "missing") if known["present"] else None
    if answer.status != HTTPStatus.OK:
        raise CommandFailed(f"the API answered {answer.status}")
    if int(answer.headers["etag"].strip('"')) >= known["version"]:
        return None
    return Lost(order_id, "older" if known["present"] else "back")
