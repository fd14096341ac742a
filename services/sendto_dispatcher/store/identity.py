"""Which database this is. Another one, or the same one after a restore, may have lost what was committed."""

from typing import Final

from sendto.runtime.database import Connection

IDENTITY: Final = """concat_ws(' ', pg_postmaster_start_time(), 'lane'::regclass::oid,
    (SELECT oid FROM pg_database WHERE datname = current_database()))"""
"""Differs after every restore: of files (the server starts), of a dump (tables or database are made), of a template."""


async def identity(connection: Connection) -> str:
    """The identity of the database behind this connection."""
    found: str = await connection.fetchval(f"SELECT {IDENTITY}")
    return found
