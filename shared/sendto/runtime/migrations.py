"""Bringing a database up to date with Alembic, with a bound on how long it may wait for a lock."""

from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

LOCK_TIMEOUT_S = 10
_ADVISORY_LOCK = 0x73656E64746F  # "sendto": two processes that migrate at once take turns


def async_url(url: str) -> str:
    """The SQLAlchemy form of a PostgreSQL address."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


async def migrate(url: str, scripts: Path, revision: str = "head") -> None:
    """Run the migrations in `scripts` up to `revision`; without anything to do it changes nothing."""
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, scripts, revision)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, scripts: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def run_environment(metadata: MetaData) -> None:
    """The body of a migration folder's `env.py`: run on the connection that `migrate` opened."""
    connection: Connection = context.config.attributes["connection"]
    # Held until the connection is closed: a migration may commit in the middle.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
    connection.commit()
    context.configure(
        connection=connection, target_metadata=metadata, compare_type=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
