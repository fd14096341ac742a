"""Tokens for the services that are measured."""

from infra.postgres import connected

from sendto_api.tokens.store import create_token


async def api_token(database_url: str) -> str:
    """A token of the API that may do everything."""
    async with connected(database_url) as database, database.connection() as connection:
        return await create_token(connection, name="bench", permissions=["*"])
