"""An erasure, step by step: each call of it is one transaction, and may be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from sendto.events.envelope import EventType
from sendto_api.erasure import store
from sendto_api.erasure.schemas import ErasureBody, ErasureObject, FinishedObject
from sendto_api.http.idempotency import Answer
from sendto_api.http.statement import Statement
from sendto_api.http.turns import Turn
from sendto_api.orders.store import Found
from sendto_api.outbox.events import EventSettings, NewEvent, customer_event
from sendto_api.tokens.auth import Caller

_STEP_ORDERS = 100
_STEP_EVENTS = 20_000
_BEGIN = {"begun": "clock_timestamp()"}


@dataclass(frozen=True, slots=True)
class ErasureService:
    """Forgets a person: first orders, some in each call, then what the outbox and stored answers say of them."""

    turn: Turn
    caller: Caller
    settings: EventSettings

    async def erase(self, body: ErasureBody) -> Answer:
        """POST: 200 with what was forgotten so far, and where to go on."""
        connection = self.turn.connection
        await self.turn.first(_BEGIN)
        more = await self._forget_orders(body)
        erasures = await store.unfinished(connection)
        after: int | None = 0
        if not more:
            email = body.email or None
            after = await store.sweep_outbox(connection, erasures, email, body.after, limit=_STEP_EVENTS)
            if after is None:
                await store.sweep_answers(connection, erasures, email)
        told = _told(await store.unfinished(connection), after)
        return await self.turn.finish(Statement(), Answer(HTTPStatus.OK, msgspec.json.encode(told.model_dump())))

    async def finish(self, erasures: Sequence[int]) -> Answer:
        """POST: 200; they are finished in all other places as well."""
        await self.turn.first(_BEGIN)
        finished = FinishedObject(finished=await store.finish(self.turn.connection, erasures))
        return await self.turn.finish(Statement(), Answer(HTTPStatus.OK, msgspec.json.encode(finished.model_dump())))

    async def _forget_orders(self, body: ErasureBody) -> bool:
        """Forget the next orders and write it down; whether there may be more of them."""
        connection = self.turn.connection
        if body.after:
            return False
        if body.order_id:
            ids = [body.order_id]
        else:
            ids = await store.orders_of(connection, body.email, _STEP_ORDERS)
        found = await store.lock_orders(connection, ids)
        events = [self._event(one) for one in found if one.customer is not None]
        await store.forget(connection, found, events)
        versions = {one.order["order_id"]: one.next_version for one in found}
        await store.begin(
            connection,
            self.caller.token_id,
            ids,
            [versions.get(order_id, store.GONE) for order_id in ids],
            customers=len(events),
        )
        return len(ids) == _STEP_ORDERS

    def _event(self, found: Found) -> NewEvent:
        """The deletion, which tells nothing of the order but its number."""
        bare = found.order | {"comment": "", "address": None}
        return customer_event(
            EventType.DELETED,
            bare,
            None,
            version=found.next_version,
            now=found.now,
            changed=["customer"],
            settings=self.settings,
            traceparent=None,
        )


def _told(erasures: Sequence[store.Unfinished], after: int | None) -> ErasureObject:
    return ErasureObject(
        erasures=[one.id for one in erasures],
        orders=sorted({order_id for one in erasures for order_id in one.order_ids}),
        customers=sum(one.customers for one in erasures),
        events=sum(one.events for one in erasures),
        answers=sum(one.answers for one in erasures),
        next=after,
    )
