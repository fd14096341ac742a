"""Models and migrations tell the same of the API's tables, and every migration can be undone."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from infra.postgres import SCRIPTS, Databases
from sqlalchemy import Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

import sendto_api.tables
import sendto_dispatcher.store.tables
from sendto.runtime.migrations import async_url, migrate

METADATA = {"api": sendto_api.tables.metadata, "dispatcher": sendto_dispatcher.store.tables.metadata}


@pytest.mark.parametrize("service", METADATA)
async def test_the_migrated_tables_are_those_of_the_models(databases: Databases, service: str) -> None:
    def differences(connection: Connection, metadata: MetaData) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found: list[object] = compare_metadata(context, metadata)
        return found

    async with databases.migrated(service) as url:
        engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
        async with engine.connect() as connection:
            found = await connection.run_sync(differences, METADATA[service])
        await engine.dispose()

    assert found == []


@pytest.mark.parametrize("service", METADATA)
async def test_every_migration_can_be_undone_and_done_again(databases: Databases, service: str) -> None:
    def down(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", SCRIPTS[service])
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with databases.migrated(service) as url:
        engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(down)
            await connection.commit()
        await engine.dispose()

        await migrate(url, Path(SCRIPTS[service]))
