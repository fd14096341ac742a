"""Databases with migrated tables: made once, copied for each test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from pydantic import SecretStr

import sendto_api.migrations
import sendto_dispatcher.migrations
from infra.eventually import eventually
from sendto.runtime.database import Database
from sendto.runtime.migrations import migrate
from sendto.runtime.settings import DatabaseSettings

SCRIPTS = {"api": sendto_api.migrations.__path__[0], "dispatcher": sendto_dispatcher.migrations.__path__[0]}


class Databases:
    """Makes databases on one server."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._templates: dict[str, str] = {}
        self._migrating = asyncio.Lock()

    def url(self, name: str) -> str:
        """The address of a database."""
        return self._server_url.rsplit("/", 1)[0] + f"/{name}"

    @asynccontextmanager
    async def migrated(self, service: str) -> AsyncIterator[str]:
        """The address of a new database with a service's tables (`api` or `dispatcher`)."""
        async with self._migrating:
            if service not in self._templates:
                template = await self._make("template1")
                await migrate(self.url(template), Path(SCRIPTS[service]))
                self._templates[service] = template
        name = await self._make(self._templates[service])
        try:
            yield self.url(name)
        finally:
            await self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """The address of a new database without tables."""
        name = await self._make("template1")
        try:
            yield self.url(name)
        finally:
            await self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _make(self, template: str) -> str:
        name = f"test_{uuid4().hex}"
        await self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def _run(self, statement: str) -> None:
        connection = await eventually(self._connect)
        assert connection is not None
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record] | None":
        try:
            return await asyncpg.connect(self._server_url)
        except (OSError, asyncpg.CannotConnectNowError):
            return None


async def take_your_time(connection: Any) -> None:
    """Let this session's statements take as long as a million rows need, on whatever machine."""
    asked = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY($1)"
    await connection.execute(asked, ["statement_timeout", "transaction_timeout"])


def settings(url: str) -> DatabaseSettings:
    """How our code connects to a test's database."""
    return DatabaseSettings(database_url=SecretStr(url), pool_min_size=1, connect_timeout_s=2)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    """A test's database, as our code uses it."""
    database = Database(settings(url), application_name="test")
    try:
        yield database
    finally:
        await database.close()
