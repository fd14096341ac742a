"""Fixtures for all tests. What no test asks for is not started.

Where tests run on several workers (`-n`), all share one PostgreSQL and one Kafka, and those that share a system run on
one worker.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from infra.command import System
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
from infra.specs import SPECS_VARIABLE, specs_folder
from infra.topics import new_topics

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings
from sendto_cli.home import Run
from sendto_cli.up.errors import UpFailed

SHARED = pytest.StashKey[ExitStack]()


def pytest_report_header() -> list[str]:
    """Say where PostgreSQL and Kafka come from."""
    return [
        f"PostgreSQL: {origin(POSTGRES_VARIABLE, POSTGRES_IMAGE)}",
        f"Kafka: {origin(KAFKA_VARIABLE, KAFKA_IMAGE)}",
        f"Providers' documents: {specs_folder() or f'none; {SPECS_VARIABLE} names their folder'}",
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what shares the system."""
    for item in items:
        if isinstance(item, pytest.Function) and "system" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("system"))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before workers are made, start what they share."""
    config = session.config
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None) or config.option.collectonly:
        return
    stack = config.stash[SHARED] = ExitStack()
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="sendto-tests-")))
    try:
        os.environ[POSTGRES_VARIABLE] = stack.enter_context(postgres_server(folder / "postgres"))
        os.environ[KAFKA_VARIABLE] = stack.enter_context(kafka_server(folder / "kafka"))
    except UpFailed as failure:
        stack.close()
        pytest.exit(str(failure), returncode=1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if SHARED in config.stash:
        config.stash[SHARED].close()


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


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A whole system with two dispatchers, on free ports, for all tests that leave it as they found it."""
    home = tmp_path_factory.mktemp("system") / "home"
    with System(home, "--port-base", "0", "--dispatchers", "2").running() as up:
        yield up


@pytest.fixture
def run(system: System) -> Run:
    """What it says about itself, once everything is ready."""
    return system.when_ready()
