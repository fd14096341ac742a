"""Requests that may be repeated: the answer to the first one is stored with its change and given again.

The scope of a key is token, method and literal path. The stored answer rides in the write's own transaction: a crash
leaves both or neither. A transaction-level advisory lock on the key tells that the first one is still running.
"""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from fastapi import Request, Response

from sendto.runtime.database import Connection
from sendto_api.http.problems import Problem
from sendto_api.tokens.auth import Caller

_MAX_KEY_CHARACTERS = 255
_LOOK_UP = """
SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || $2 || ' ' || $3 || ' ' || $4, 0)) AS alone,
    k.request_hash, k.status, k.body, k.location, k.etag
FROM (SELECT 1) AS one LEFT JOIN idempotency_key k
    ON k.token_id = $1::uuid AND k.method = $2 AND k.path = $3 AND k.key = $4
"""
_PRUNE = """
DELETE FROM idempotency_key WHERE ctid IN (
    SELECT ctid FROM idempotency_key WHERE created_at < now() - $1 * interval '1 second' LIMIT 1000)
"""

STORE = """
INSERT INTO idempotency_key (token_id, method, path, key, request_hash, status, body, location, etag)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be stored and given again."""

    status: int
    body: bytes
    etag: str | None = None
    location: str | None = None

    def response(self, *, replayed: bool = False) -> Response:
        """The HTTP answer."""
        headers = {"ETag": self.etag, "Location": self.location, "Idempotency-Replayed": "true" if replayed else None}
        given = {name: value for name, value in headers.items() if value}
        return Response(self.body, self.status, headers=given, media_type="application/json")


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request with an `Idempotency-Key`."""

    token_id: UUID
    method: str
    path: str
    key: str
    request_hash: bytes


def repeatable(request: Request, caller: Caller, body: bytes) -> Repeatable | None:
    """The request's key, None if it has none.

    Raises:
        Problem: 400, the key is too long.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_KEY_CHARACTERS:
        raise Problem(HTTPStatus.BAD_REQUEST, f"Idempotency-Key must have 1 to {_MAX_KEY_CHARACTERS} characters.")
    return Repeatable(caller.token_id, request.method, request.url.path, key, hashlib.sha256(body).digest())


async def stored_answer(connection: Connection, request: Repeatable) -> Answer | None:
    """The answer of an earlier equal request, None if this is the first.

    Raises:
        Problem: 409 the first one is still running, 422 the key was used for another request.
    """
    row = await connection.fetchrow(_LOOK_UP, str(request.token_id), request.method, request.path, request.key)
    if row is None or not row["alone"]:
        raise Problem(HTTPStatus.CONFLICT, "A request with this Idempotency-Key is still running.", code="in_progress")
    if row["request_hash"] is None:
        return None
    if row["request_hash"] != request.request_hash:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another request.")
    return Answer(row["status"], row["body"], row["etag"], row["location"])


async def store_answer(connection: Connection, request: Repeatable, answer: Answer) -> None:
    """Keep the answer, in the write's own transaction."""
    await connection.execute(
        STORE,
        request.token_id,
        request.method,
        request.path,
        request.key,
        request.request_hash,
        answer.status,
        answer.body,
        answer.location,
        answer.etag,
    )


async def prune_answers(connection: Connection, *, older_than_s: float) -> int:
    """Forget some old answers; how many."""
    status: str = await connection.execute(_PRUNE, older_than_s)
    return int(status.rsplit(maxsplit=1)[-1])
