"""The system's databases and the tokens in them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from pydantic import SecretStr

import sendto_api.tokens.store as api_tokens
import sendto_dispatcher.store.tokens as ops_tokens
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.settings import DatabaseSettings
from sendto_cli.up.errors import UpFailed
from sendto_cli.up.files import Secrets

_TOKEN_NAME = "up"  # noqa: S105 - a name


async def make_databases(url: str, names: Sequence[str]) -> None:
    """Make the databases that are missing.

    Args:
        url: of a database that is there.
        names: plain identifiers.
    """
    connection = await asyncpg.connect(url)
    try:
        known = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name in names:
            if name not in known:
                await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


async def make_tokens(api_database_url: str, dispatcher_database_url: str, known: Secrets) -> Secrets:
    """The secrets with tokens that both databases know: those that the home has, else new ones.

    Raises:
        UpFailed: a database went away.
    """
    async with _connected(api_database_url) as api:
        token = known.token
        if not token or await api_tokens.find_token(api, api_tokens.token_hash(token)) is None:
            token = await api_tokens.create_token(api, name=_TOKEN_NAME, permissions=["*"])
    async with _connected(dispatcher_database_url) as dispatcher:
        ops_token = known.ops_token
        if not ops_token or await ops_tokens.find_bearer(dispatcher, ops_token) is None:
            ops_token = await ops_tokens.create_token(dispatcher, name=_TOKEN_NAME, permissions=["*"])
    return known.model_copy(update={"token": token, "ops_token": ops_token})


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    settings = DatabaseSettings(database_url=SecretStr(url), pool_min_size=1, pool_max_size=1)
    database = Database(settings, application_name="sendto-up")
    try:
        async with database.transaction() as connection:
            yield connection
    except DatabaseAway as error:
        raise UpFailed(f"a database cannot be reached ({error})") from None
    finally:
        await database.close()
