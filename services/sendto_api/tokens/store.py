"""Tokens in the database: only their hashes."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection

CHANNEL = "sendto_tokens"
"""notified when a token was revoked"""
_PREFIX = "sendto_"

_INSERT = """
INSERT INTO api_token (id, name, hash, permissions, expires_at)
VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')
"""
_LIST = """
SELECT id, name, permissions, created_at, expires_at, revoked_at, last_used_at FROM api_token ORDER BY created_at, id
"""
_REVOKE = "UPDATE api_token SET revoked_at = now() WHERE (id::text = $1 OR name = $1) AND revoked_at IS NULL"
_FIND = """
SELECT id, permissions, extract(epoch FROM expires_at - now())::float8 AS expires_in_s,
    coalesce(last_used_at < now() - interval '1 minute', true) AS note_use
FROM api_token WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
# At most once a minute, so that reading costs no write.
_NOTE_USE = "UPDATE api_token SET last_used_at = now() WHERE id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token as listings show it."""

    id: UUID
    name: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundToken:
    """A valid token."""

    id: UUID
    permissions: list[str]
    expires_in_s: float | None
    """None: never"""


def token_hash(token: str) -> bytes:
    """SHA-256 of a token; the look-up is by it, so its timing tells nothing of the token."""
    return hashlib.sha256(token.encode()).digest()


async def create_token(
    connection: Connection, *, name: str, permissions: Sequence[str], expires_in_s: float | None = None
) -> str:
    """Make a token of 256 random bits and return it; it cannot be shown again."""
    token = _PREFIX + secrets.token_urlsafe(32)
    await connection.execute(_INSERT, new_uuid(), name, token_hash(token), list(permissions), expires_in_s)
    return token


async def list_tokens(connection: Connection) -> list[TokenRow]:
    """All tokens, oldest first, also those that are revoked or have expired."""
    return [TokenRow(**dict(row)) for row in await connection.fetch(_LIST)]


async def revoke_token(connection: Connection, id_or_name: str) -> int:
    """Revoke the token with this id, or all with this name; how many were."""
    status: str = await connection.execute(_REVOKE, id_or_name)
    return int(status.rsplit(maxsplit=1)[-1])


async def tell_revoked(connection: Connection) -> None:
    """Let every API process forget what it knows of tokens; to be called after the commit."""
    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)


async def find_token(connection: Connection, digest: bytes) -> FoundToken | None:
    """The valid token with this hash, or None; notes its use."""
    row = await connection.fetchrow(_FIND, digest)
    if row is None:
        return None
    if row["note_use"]:
        await connection.execute(_NOTE_USE, row["id"])
    return FoundToken(id=row["id"], permissions=row["permissions"], expires_in_s=row["expires_in_s"])
