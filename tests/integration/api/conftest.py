"""The API, served on a socket over a database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from infra.serving import Caller, served
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.store import create_token

MakeToken = Callable[..., Awaitable[str]]


@pytest.fixture
def make_token(api_database: Database) -> MakeToken:
    """Makes a token with these permissions."""

    async def make(*permissions: str) -> str:
        async with api_database.connection() as connection:
            return await create_token(connection, name="test", permissions=permissions)

    return make


@pytest.fixture
async def api(api_url: str, make_token: MakeToken, request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    """A caller of the API who may do everything; a test says with a marker which settings are not the default."""
    marker = request.node.get_closest_marker("api_settings")
    section = ApiSection(database_url=SecretStr(api_url), port=0, **(marker.kwargs if marker else {}))
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        caller = Caller(url, await make_token("*"))
        yield caller
        await caller.close()
