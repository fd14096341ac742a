"""A shop that writes customers through the API, and repeats every request until it has an answer."""

import asyncio
import random
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from faults.checking.records import State
from faults.rig.book import Book, expected, hot
from infra.bodies import order
from infra.serving import Caller, Reply
from pyreqwest.exceptions import PyreqwestError

_ANSWER_S = 4.0
_AGAIN_S = 0.2
_BUSY = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT, HTTPStatus.INTERNAL_SERVER_ERROR}


class ApiWriter:
    """Writes to some orders, at most one write of each at a time.

    Args:
        callers: of the APIs; each try takes the next one.
        book: where it writes down what was taken.
        random_: what it draws from.
        pause_s: between the writes of one worker.
    """

    def __init__(self, callers: list[Caller], book: Book, random_: random.Random, *, pause_s: float) -> None:
        self._callers = callers
        self._book = book
        self._random = random_
        self._pause_s = pause_s
        self._orders: list[int] = []
        self._present: set[int] = set()
        self._busy: set[int] = set()
        self._tries = 0
        self.writes = 0
        self.stopping = False

    @property
    def orders(self) -> list[int]:
        """The orders that it has made."""
        return list(self._orders)

    async def make(self, count: int) -> None:
        """Make orders with customers."""
        for _ in range(count):
            person = self._book.person()
            reply = await self._until_taken("POST", "/v3/orders", order(customer=person))
            order_id = int(reply.json["order_id"])
            self._orders.append(order_id)
            self._present.add(order_id)
            self._book.add(str(order_id), _version(reply), expected(person))

    async def run(self) -> None:
        """Write until `stopping`; what was begun is finished."""
        while not self.stopping:
            await self.write_once(self._pick())
            await asyncio.sleep(self._pause_s)

    async def write_once(self, order_id: int) -> None:
        """Delete the customer, now and then; else replace it."""
        if order_id in self._busy:
            return
        self._busy.add(order_id)
        try:
            if order_id in self._present and self._random.random() < 0.1:
                await self.delete(order_id)
            else:
                await self.put(order_id)
        finally:
            self._busy.discard(order_id)
        self.writes += 1

    async def put(self, order_id: int, *, through: int | None = None) -> None:
        """Replace the customer, or make one; `through` one of the APIs only."""
        person = self._book.person()
        reply = await self._until_taken("PUT", f"/v3/orders/{order_id}/customer", person, through)
        self._present.add(order_id)
        self._book.add(str(order_id), _version(reply), expected(person))

    async def delete(self, order_id: int) -> None:
        """Delete the customer; the order's version is asked for, as the answer does not tell it."""
        await self._until_taken("DELETE", f"/v3/orders/{order_id}/customer", None)
        self._present.discard(order_id)
        reply = await self._until_taken("GET", f"/v3/orders/{order_id}", None)
        self._book.add(str(order_id), _version(reply), None)

    async def held(self) -> dict[str, State | None]:
        """What the API holds of every order."""
        states: dict[str, State | None] = {}
        for order_id in self._orders:
            reply = await self._until_taken("GET", f"/v3/orders/{order_id}/customer", None)
            states[str(order_id)] = expected(reply.json) if reply.status == HTTPStatus.OK else None
        return states

    def _pick(self) -> int:
        return self._orders[hot(self._random, len(self._orders))]

    async def _until_taken(self, method: str, path: str, body: Any, through: int | None = None) -> Reply:
        headers = {} if method == "GET" else {"idempotency-key": str(uuid4())}
        while True:
            self._tries += 1
            caller = self._callers[(self._tries if through is None else through) % len(self._callers)]
            try:
                async with asyncio.timeout(_ANSWER_S):
                    reply = await caller(method, path, body, headers)
            except (PyreqwestError, TimeoutError, OSError):
                await asyncio.sleep(_AGAIN_S)
                continue
            if reply.status not in _BUSY:
                known = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NOT_FOUND}
                assert reply.status in known, (method, path, reply.status, reply.content)
                return reply
            await asyncio.sleep(_AGAIN_S)


def _version(reply: Reply) -> int:
    return int(reply.headers["etag"].strip('"'))
