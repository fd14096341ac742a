"""Which database this is. Another one, or the same one after a restore, may have lost what was committed."""

from typing import Final

from sendto.runtime.database import Connection

IDENTITY: Final = "(pg_postmaster_start_time()::text || ' ' || 'lane'::regclass::oid::text)"
"""Differs after every restore: of files, which needs a start of the server, and of a dump, which makes the tables."""


async def identity(connection: Connection) -> str:
    """The identity of the database behind this connection."""
    found: str = await connection.fetchval(f"SELECT {IDENTITY}")
    return found
