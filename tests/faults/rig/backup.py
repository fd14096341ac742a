"""A database as it was: copied on the server while nobody is connected, and put in the database's place."""

import asyncio
from collections.abc import Sequence

import asyncpg

_TRIES = 20
_PAUSE_S = 0.5


class Backup:
    """One database's backup.

    Args:
        server_url: of another database on the server, as a superuser.
        name: of the database.
    """

    def __init__(self, server_url: str, name: str) -> None:
        self._server_url = server_url
        self._name = name
        self._copy = f"{name}_backup"

    async def take(self) -> None:
        """Copy it. Its users lose their connections for a moment."""
        await self._run(
            f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false',
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'",
        )
        try:
            await self._run(f'CREATE DATABASE "{self._copy}" TEMPLATE "{self._name}"')
        finally:
            await self._run(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')

    async def restore(self) -> None:
        """Put the copy in its place."""
        await self._run(
            f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)',
            f'ALTER DATABASE "{self._copy}" RENAME TO "{self._name}"',
        )

    async def _run(self, *statements: str) -> None:
        for _ in range(_TRIES - 1):
            try:
                return await self._run_once(statements)
            except asyncpg.ObjectInUseError:  # somebody is just going
                await asyncio.sleep(_PAUSE_S)
        return await self._run_once(statements)

    async def _run_once(self, statements: Sequence[str]) -> None:
        connection = await asyncpg.connect(self._server_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()
