"""Who calls, and whether they may."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from starlette.requests import Request

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database
from sendto_api.http.problems import Problem
from sendto_api.tokens.permissions import granted
from sendto_api.tokens.store import find_token, token_hash

_MOST_CACHED = 10_000
_MAX_TOKEN_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """The token behind a request."""

    token_id: UUID
    permissions: frozenset[str]

    def require(self, permission: str) -> None:
        """Raise a 403 problem unless the token grants this."""
        if permission not in self.permissions:
            detail = f"The token lacks the permission {permission}."
            raise Problem(HTTPStatus.FORBIDDEN, detail, errors={"permission": [permission]})


class Authenticator:
    """Finds the caller of a request; what was found is taken for some seconds."""

    def __init__(self, database: Database, clock: Clock, *, cache_s: float) -> None:
        self._database = database
        self._clock = clock
        self._cache_s = cache_s
        self._cache: dict[bytes, tuple[float, Caller]] = {}

    def forget(self) -> None:
        """Look every token up anew: one was revoked."""
        self._cache.clear()

    async def caller(self, request: Request) -> Caller:
        """The caller.

        Raises:
            Problem: 401, there is no valid token.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_CHARACTERS:
            raise _unauthorized("A bearer token is needed.")
        digest = token_hash(token)
        cached = self._cache.get(digest)
        if cached is not None and cached[0] > self._clock.monotonic_s():
            return cached[1]
        return await self._look_up(digest)

    async def _look_up(self, digest: bytes) -> Caller:
        async with self._database.connection() as connection:
            found = await find_token(connection, digest)
        if found is None:
            self._cache.pop(digest, None)
            raise _unauthorized("The token is not valid: unknown, expired or revoked.")
        caller = Caller(found.id, granted(found.permissions))
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        keep_s = self._cache_s if found.expires_in_s is None else min(self._cache_s, found.expires_in_s)
        self._cache[digest] = (self._clock.monotonic_s() + keep_s, caller)
        return caller


def _unauthorized(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": 'Bearer realm="sendto"'})
