"""Requests that may be repeated: the answer to the first one is stored with its change and given again.

The scope of a key is token, method and literal path. The stored answer rides in the write's own transaction: a crash
leaves both or neither. A transaction-level advisory lock on the key tells that the first one is still running.
"""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sendto.runtime.database import Connection
from sendto.runtime.pruning import Prune, Step
from sendto_api.http.problems import Problem
from sendto_api.tokens.auth import Caller

_MAX_KEY_CHARACTERS = 255
_STEP_ANSWERS = 1_000
# Oldest first, so that the index on it is read and no more of it than is deleted.
_PRUNE = """
DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_key WHERE created_at < now() - $1 * interval '1 second'
    ORDER BY created_at LIMIT $2))
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
    return Repeatable(caller.token_id, request.method, request.scope["path"], key, hashlib.sha256(body).digest())


def prune_answers(keep_s: float) -> Prune:
    """Forgets answers that are so old."""

    async def prune(connection: Connection) -> Step:
        status: str = await connection.execute(_PRUNE, keep_s, _STEP_ANSWERS)
        deleted = int(status.rsplit(maxsplit=1)[-1])
        return Step(deleted, more=deleted == _STEP_ANSWERS)

    return prune
