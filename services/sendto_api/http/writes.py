"""How every write runs: one transaction, repeated requests answered from the store."""

from collections.abc import Awaitable, Callable

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from sendto.runtime.database import Connection, Database
from sendto.runtime.failpoints import Point, reach
from sendto_api.http.idempotency import Answer, repeatable
from sendto_api.http.turns import Repeated, Turn
from sendto_api.tokens.auth import Caller

Write = Callable[[Turn], Awaitable[Answer]]


class Writer:
    """Runs writes; `on_commit` is told after each, so that the relay can be woken outside the transaction."""

    def __init__(self, database: Database, on_commit: Callable[[], None]) -> None:
        self._database = database
        self._on_commit = on_commit

    async def run(self, request: Request, caller: Caller, body: bytes, write: Write, *, locks: bool) -> Response:
        """Carry out a write, or give the stored answer of an equal one; `locks`: what it changes was there before."""
        key = repeatable(request, caller, body)
        in_transaction = locks or key is not None

        async def work(connection: Connection) -> Answer:
            answer = await write(Turn(connection, key, in_transaction=in_transaction))
            reach(Point.API_WRITTEN)
            return answer

        reach(Point.API_WRITE)
        try:
            if in_transaction:
                answer = await self._once_more_if_just_stored(work)
            else:
                answer = await self._database.by_statements(work)
        except Repeated as repeated:
            return repeated.answer.response(replayed=True)
        reach(Point.API_COMMITTED)
        self._on_commit()
        return answer.response()

    async def _once_more_if_just_stored(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        try:
            return await self._database.in_transaction(work)
        except asyncpg.UniqueViolationError as error:
            if error.table_name != "idempotency_key":
                raise
            return await self._database.in_transaction(work)  # an equal one has just been committed
