"""Fixtures for all tests. A test says with a marker what it needs; what is not needed is not started."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from infra.postgres import Databases, connected
from infra.servers import (
    KAFKA_IMAGE,
    KAFKA_VARIABLE,
    POSTGRES_IMAGE,
    POSTGRES_VARIABLE,
    OwnKafka,
    OwnPostgres,
    kafka_server,
    origin,
    postgres_server,
)
from infra.topics import new_topics

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings


def pytest_report_header() -> list[str]:
    """Say where PostgreSQL and Kafka come from."""
    return [
        f"PostgreSQL: {origin(POSTGRES_VARIABLE, POSTGRES_IMAGE)}",
        f"Kafka: {origin(KAFKA_VARIABLE, KAFKA_IMAGE)}",
    ]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The run's PostgreSQL."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield Databases(url)


@pytest.fixture
async def api_url(databases: Databases) -> AsyncIterator[str]:
    """A new database with the API's tables."""
    async with databases.migrated("api") as url:
        yield url


@pytest.fixture
async def dispatch_url(databases: Databases) -> AsyncIterator[str]:
    """A new database with the dispatcher's tables."""
    async with databases.migrated("dispatcher") as url:
        yield url


@pytest.fixture
async def api_database(api_url: str) -> AsyncIterator[Database]:
    """The same, as our code uses it."""
    async with connected(api_url) as database:
        yield database


@pytest.fixture
async def dispatch_database(dispatch_url: str) -> AsyncIterator[Database]:
    """The same, as our code uses it."""
    async with connected(dispatch_url) as database:
        yield database


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The run's Kafka: its bootstrap servers."""
    with kafka_server(tmp_path_factory.mktemp("kafka")) as bootstrap_servers:
        yield bootstrap_servers


@pytest.fixture
async def topics(kafka: str) -> TopicSettings:
    """New topics on it."""
    return await new_topics(kafka)


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    """A PostgreSQL that the test may kill."""
    with OwnPostgres(tmp_path_factory.mktemp("own_postgres")).running() as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    """A Kafka that the test may kill."""
    with ExitStack() as stack:
        yield stack.enter_context(OwnKafka(tmp_path_factory.mktemp("own_kafka")).running())
