"""How every write runs: one transaction, repeated requests answered from the store."""

from collections.abc import Awaitable, Callable

import asyncpg
from fastapi import Request, Response

from sendto.runtime.database import Connection, Database
from sendto_api.http.idempotency import Answer, repeatable, store_answer, stored_answer
from sendto_api.tokens.auth import Caller

Write = Callable[[Connection], Awaitable[Answer]]


class Writer:
    """Runs writes; `on_commit` is told after each, so that the relay can be woken outside the transaction."""

    def __init__(self, database: Database, on_commit: Callable[[], None]) -> None:
        self._database = database
        self._on_commit = on_commit

    async def run(self, request: Request, caller: Caller, body: bytes, write: Write) -> Response:
        """Carry out a write, or give the stored answer of an equal one."""
        key = repeatable(request, caller, body)
        replayed = False

        async def work(connection: Connection) -> Answer:
            nonlocal replayed
            if key is None:
                return await write(connection)
            stored = await stored_answer(connection, key)
            if stored is not None:
                replayed = True
                return stored
            answer = await write(connection)
            await store_answer(connection, key, answer)
            return answer

        try:
            answer = await self._database.in_transaction(work)
        except asyncpg.UniqueViolationError as error:
            if error.table_name != "idempotency_key":
                raise
            answer = await self._database.in_transaction(work)  # an equal one has just been committed
        self._on_commit()
        return answer.response(replayed=replayed)
