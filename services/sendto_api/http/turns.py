"""A write's turn at the database: one transaction of at most three statements, whatever the write.

A write that locks nothing (a new order, without a key) asks for its ids first, and is then one statement, which is a
transaction by itself: two round trips to the database fewer.

With an `Idempotency-Key` the first statement also takes the key's advisory lock and looks for a stored answer, and the
last one also stores the answer: a repeatable write costs no statement more than another.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from http import HTTPStatus

import asyncpg

from sendto.runtime.database import Connection, deciding
from sendto_api.http.idempotency import Answer, Repeatable
from sendto_api.http.problems import Problem
from sendto_api.http.statement import Statement

_FIRST_KEYED = """
SELECT k.alone, k.request_hash, k.status, k.body, k.location, k.etag, {columns}
FROM (
    SELECT a.alone, s.request_hash, s.status, s.body, s.location, s.etag
    FROM (SELECT pg_try_advisory_xact_lock(
        hashtextextended(${n}::text || ${m} || ' ' || ${p} || ' ' || ${q}, 0)) AS alone OFFSET 0) a
    LEFT JOIN idempotency_key s ON s.token_id = ${n}::uuid AND s.method = ${m} AND s.path = ${p} AND s.key = ${q}
) k
"""


class Repeated(Exception):  # noqa: N818 - named for what happened
    """An equal request was answered before; nothing is to be done but to answer so again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Turn:
    """One write's transaction: `first`, perhaps one read more, `finish`.

    Args:
        connection: what it is done on.
        key: by which it may be repeated.
        in_transaction: whether `connection` is in one; if not, `finish` is one by itself.
    """

    def __init__(self, connection: Connection, key: Repeatable | None, *, in_transaction: bool) -> None:
        self.connection = connection
        self._key = key
        self._in_transaction = in_transaction

    async def first(self, columns: Mapping[str, str], *values: object) -> asyncpg.Record:
        """The first statement: what the write begins with, unless the request was answered before.

        Args:
            columns: SQL of each wanted column, by its name; `$1` is the first of `values`.
            values: its parameters.

        Raises:
            Repeated: the request was answered before.
            Problem: 409 an equal one is still running, 422 its key was used for another request.
        """
        if self._key is None:
            wanted = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
            return await self._row(f"SELECT {wanted}", *values)
        wanted = ", ".join(
            f"CASE WHEN k.alone AND k.request_hash IS NULL THEN {sql} END AS {name}" for name, sql in columns.items()
        )
        n, m, p, q = range(len(values) + 1, len(values) + 5)
        statement = _FIRST_KEYED.format(columns=wanted, n=n, m=m, p=p, q=q)
        key = self._key
        row = await self._row(statement, *values, str(key.token_id), key.method, key.path, key.key)
        _look_at(row, key)
        return row

    async def finish(self, statement: Statement, answer: Answer) -> Answer:
        """The last statement: every change, and the answer where the request may be repeated."""
        if self._key is not None:
            statement.insert("idempotency_key", _stored(self._key, answer))
        async with nullcontext() if self._in_transaction else deciding():
            await statement.run(self.connection)
        return answer

    async def _row(self, statement: str, *values: object) -> asyncpg.Record:
        row = await self.connection.fetchrow(statement, *values)
        if row is None:
            raise RuntimeError("a statement that always gives a row gave none")
        return row


def _look_at(row: asyncpg.Record, key: Repeatable) -> None:
    if not row["alone"]:
        raise Problem(HTTPStatus.CONFLICT, "A request with this Idempotency-Key is still running.", code="in_progress")
    if row["request_hash"] is None:
        return
    if row["request_hash"] != key.request_hash:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another request.")
    raise Repeated(Answer(row["status"], row["body"], row["etag"], row["location"]))


def _stored(key: Repeatable, answer: Answer) -> dict[str, object]:
    return {
        "token_id": key.token_id,
        "method": key.method,
        "path": key.path,
        "key": key.key,
        "request_hash": key.request_hash,
        "status": answer.status,
        "body": answer.body,
        "location": answer.location,
        "etag": answer.etag,
    }
