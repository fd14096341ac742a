"""A dispatcher over a database and topics of its own, with the sandbox as its provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from infra.events import Upstream
from infra.sandbox import Provider, sandbox
from infra.serving import Caller, served
from infra.topics import producing

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings
from sendto_dispatcher.app import Dispatcher
from sendto_dispatcher.settings import DispatcherSettings
from sendto_dispatcher.store.tokens import create_token

Settings = dict[str, Any]
Start = Callable[..., AbstractAsyncContextManager[Caller]]
FAST_RETRY = {"base_s": 0.05, "cap_s": 0.2}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    """The sandbox."""
    async with sandbox(tmp_path / "sandbox") as served_sandbox:
        yield served_sandbox


@pytest.fixture
def settings(dispatch_url: str, kafka: str, topics: TopicSettings, provider: Provider) -> Settings:
    """Settings that tests may change before they start a dispatcher."""
    return {
        "log": {"level": "warning"},
        "kafka": {"bootstrap_servers": kafka},
        "topics": topics.model_dump(),
        "dispatcher": {
            "database_url": dispatch_url,
            "port": 0,
            "digest_key": "for tests",
            "intake": {"session_timeout_s": 3, "poll_timeout_s": 0.05, "retry_pause_s": 0.1},
            "engine": {"poll_interval_s": 0.2, "probe_interval_s": 0.2, "recovery_spread_s": 0.2, "drain_s": 3},
        },
        "providers": {
            "sandbox": {"adapter": "sandbox", "config": {"url": provider.url}, "retry": dict(FAST_RETRY)},
        },
        "routing": {"default": ["sandbox"]},
    }


@asynccontextmanager
async def dispatching(settings: Settings, token: str = "") -> AsyncIterator[Caller]:
    """Run a dispatcher in this process; a caller of its ops API."""
    dispatcher = Dispatcher(DispatcherSettings.model_validate(settings), Path())
    async with served(dispatcher.app()) as url:
        caller = Caller(url, token)
        yield caller
        await caller.close()
        assert await dispatcher.supervisor.readiness() is None


@pytest.fixture
async def ops_token(dispatch_database: Database) -> str:
    """A token that may do everything."""
    async with dispatch_database.connection() as connection:
        return await create_token(connection, name="test", permissions=["*"])


@pytest.fixture
async def dispatcher(settings: Settings, ops_token: str) -> AsyncIterator[Caller]:
    """A dispatcher with the settings as they are."""
    async with dispatching(settings, ops_token) as caller:
        yield caller


@pytest.fixture
async def upstream(kafka: str, topics: TopicSettings) -> AsyncIterator[Upstream]:
    """An upstream system."""
    async with producing(kafka) as producer:
        yield Upstream(producer, topics.events)


Rows = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def rows(dispatch_database: Database) -> Rows:
    """Asks the dispatcher's database."""

    async def ask(statement: str, *arguments: object) -> list[dict[str, Any]]:
        async with dispatch_database.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]

    return ask
