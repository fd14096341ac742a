"""Forgetting a person everywhere: the API first, so that it tells, then the dispatcher, which tells the providers.

Each part goes on where it was cut short, so the same command is said again after a crash. The API remembers an erasure
until this says that it is finished everywhere.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from urllib.parse import quote

from sendto_cli import remote
from sendto_cli.errors import CommandFailed

Json = dict[str, Any]

API_SOURCE = "/sendto/api"
_POLL_S = 0.5


class Posting(Protocol):
    """A service that takes requests."""

    async def post(self, path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
        """What it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """The person of one order, or of every order with an email address."""

    order_id: int | None
    email: str | None
    source: str | None
    """whose order; None: of the only source that knows it"""
    api: bool = True
    """whether there is an API"""

    @property
    def named(self) -> Json:
        """As the API takes it."""
        return {"order_id": self.order_id} if self.email is None else {"email": self.email}


@dataclass(slots=True)
class Receipt:
    """What was forgotten where, and what was not."""

    api: Json | None = None
    dispatcher: Json = field(default_factory=dict)
    earlier: list[Json] = field(default_factory=list)
    """where nothing is known of the person: the newest erasures, one of which may have been of them"""

    @property
    def waits_for(self) -> int:
        """What is still to be done by itself: records to be taken, lanes to be told."""
        waiting: int = sum(one["waiting"] for one in self.dispatcher["providers"] if one["configured"])
        return waiting + (self.dispatcher["ended_at"] is None)


async def erase(whom: Whom, home: Path | None, *, wait_s: float, begun: Callable[[int], None]) -> Receipt:
    """Forget, and wait so long for the intake and the providers; `begun` is told the erasure's number.

    Raises:
        CommandFailed: a service cannot be reached, or refuses; say it again then.
    """
    receipt = Receipt()
    deadline_s = monotonic() + wait_s
    async with remote.dispatcher(home) as dispatcher:
        source = whom.source or (await _only_source(dispatcher, whom.order_id) if whom.order_id else None)
        orders = [{"order_id": whom.order_id, "source": source}] if whom.order_id else []
        if whom.api and source in {None, API_SOURCE}:
            async with remote.api(home) as api:
                receipt.api = await in_api(api, whom)
                found = [{"order_id": order_id, "source": API_SOURCE} for order_id in receipt.api["orders"]]
                orders = found + [one for one in orders if one not in found]
                person = {"email": whom.email, "orders": orders}
                await _in_dispatcher(dispatcher, receipt, person, deadline_s, begun)
                if receipt.dispatcher.get("ended_at"):
                    await api.post("/v3/erasures/finish", {"erasures": receipt.api["erasures"]})
        else:
            await _in_dispatcher(dispatcher, receipt, {"email": whom.email, "orders": orders}, deadline_s, begun)
        await _at_providers(dispatcher, receipt, deadline_s)
        if not receipt.dispatcher["orders"]:
            found = await dispatcher.get("/ops/erasures")
            receipt.earlier = [one for one in found if one["orders"]]
    return receipt


async def receipt_of(erasure: int, home: Path | None) -> Receipt:
    """What an erasure that was begun has come to.

    Raises:
        CommandFailed: there is none of this number.
    """
    async with remote.dispatcher(home) as dispatcher:
        told = await dispatcher.get(f"/ops/erasures/{erasure}")
        if told is None:
            raise CommandFailed(f"there is no erasure {erasure}")
        return Receipt(dispatcher=told)


async def _only_source(dispatcher: remote.Remote, order_id: int) -> str:
    story = await dispatcher.get(f"/ops/orders/{quote(str(order_id))}") or {}
    sources = [one["source"] for one in story.get("sources", [])]
    if len(sources) > 1:
        raise CommandFailed(f"order {order_id} is known from {', '.join(sources)}: name one with --source")
    return sources[0] if sources else API_SOURCE


async def in_api(api: Posting, whom: Whom) -> Json:
    """All steps of it, as one answer.

    What somebody else began after the sweep of ours had begun was not swept by it, so it is not ours to finish.
    """
    told: Json = {"next": 0}
    swept: Json | None = None
    while told["next"] is not None:
        told = await api.post("/v3/erasures", whom.named | {"after": told["next"]})
        if swept is None and told["next"] != 0:
            swept = {"orders": told["orders"], "erasures": told["erasures"]}
    return told | (swept or {})


async def _in_dispatcher(
    dispatcher: remote.Remote, receipt: Receipt, person: Json, deadline_s: float, begun: Callable[[int], None]
) -> None:
    if person["email"] is None and not person["orders"]:
        return
    begin = True
    while True:
        receipt.dispatcher = await dispatcher.post("/ops/erasures", person | {"begin": begin})
        if begin:
            begun(receipt.dispatcher["erasure"])
        if receipt.dispatcher["ended_at"] is not None or monotonic() > deadline_s:
            return
        begin = False
        await asyncio.sleep(_POLL_S)


async def _at_providers(dispatcher: remote.Remote, receipt: Receipt, deadline_s: float) -> None:
    while receipt.waits_for and receipt.dispatcher["ended_at"] is not None and monotonic() < deadline_s:
        await asyncio.sleep(_POLL_S)
        receipt.dispatcher = await dispatcher.get(f"/ops/erasures/{receipt.dispatcher['erasure']}")
