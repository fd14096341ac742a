"""Bearer tokens of the ops API; only their hashes are stored."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection

PERMISSIONS = ("ops:read", "ops:write", "personal:read", "deliveries:read", "*")
_PREFIX = "sendto_ops_"

_INSERT = """
INSERT INTO ops_token (id, name, hash, permissions, expires_at)
VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')
"""
_LIST = """
SELECT id, name, permissions, created_at, expires_at, revoked_at, last_used_at FROM ops_token ORDER BY created_at, id
"""
_REVOKE = "UPDATE ops_token SET revoked_at = now() WHERE (id::text = $1 OR name = $1) AND revoked_at IS NULL"
_FIND = """
SELECT id, name, permissions, coalesce(last_used_at < now() - interval '1 minute', true) AS note_use FROM ops_token
WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
# At most once a minute, so that reading costs no write.
_NOTE_USE = "UPDATE ops_token SET last_used_at = now() WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls, and what they may do."""

    name: str
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        """Whether the token grants this permission; `ops:write` grants reading too."""
        granted = self.permissions
        return "*" in granted or permission in granted or (permission == "ops:read" and "ops:write" in granted)


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


async def create_token(
    connection: Connection, *, name: str, permissions: Sequence[str], expires_in_s: float | None = None
) -> str:
    """Make a token of 256 random bits and return it; it cannot be shown again."""
    token = _PREFIX + secrets.token_urlsafe(32)
    await connection.execute(_INSERT, new_uuid(), name, _hash(token), list(permissions), expires_in_s)
    return token


async def list_tokens(connection: Connection) -> list[TokenRow]:
    """All tokens, oldest first, also those that are revoked or have expired."""
    return [TokenRow(**dict(row)) for row in await connection.fetch(_LIST)]


async def revoke_token(connection: Connection, id_or_name: str) -> int:
    """Revoke the token with this id, or all with this name; how many were."""
    status: str = await connection.execute(_REVOKE, id_or_name)
    return int(status.rsplit(maxsplit=1)[-1])


async def find_bearer(connection: Connection, token: str) -> Bearer | None:
    """Whose token this is, or None. The look-up is by hash, so its timing tells nothing of the token."""
    row = await connection.fetchrow(_FIND, _hash(token))
    if row is None:
        return None
    if row["note_use"]:
        await connection.execute(_NOTE_USE, row["id"])
    return Bearer(row["name"], frozenset(row["permissions"]))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
