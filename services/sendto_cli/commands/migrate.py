"""`sendto migrate`: brings the databases and the topics up to date."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config

_WAIT_S = 30.0
_PAUSE_S = 0.5


class Which(StrEnum):
    """What can be brought up to date."""

    API = "api"
    DISPATCHER = "dispatcher"
    TOPICS = "topics"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate(
    which: Annotated[Which, typer.Argument(help="Whose database, or the topics.")] = Which.ALL,
    config: Config = None,
) -> None:
    """Bring the databases up to date and make missing topics; waits half a minute for servers that just start."""
    import sendto_api.migrations
    import sendto_dispatcher.migrations
    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings
    from sendto_dispatcher.settings import DispatcherSettings

    if which in {Which.API, Which.ALL}:
        url = load_settings(ApiSettings, config).api.database_url.get_secret_value()
        asyncio.run(_migrate("api", url, sendto_api.migrations.__path__[0]))
    if which in {Which.DISPATCHER, Which.ALL}:
        url = load_settings(DispatcherSettings, config).dispatcher.database_url.get_secret_value()
        asyncio.run(_migrate("dispatcher", url, sendto_dispatcher.migrations.__path__[0]))
    if which in {Which.TOPICS, Which.ALL}:
        asyncio.run(_make_topics(load_settings(_TopicSettings, config)))


class _TopicSettings(BaseModel):
    """The sections that say where the topics are, and how they are made."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()


async def _migrate(name: str, url: str, scripts: str) -> None:
    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from sendto.runtime.migrations import migrate as run

    try:
        away = (OSError, TimeoutError, asyncpg.CannotConnectNowError)
        await _patiently(lambda: run(url, Path(scripts)), away, f"the database of the {name} cannot be reached")
    except (asyncpg.PostgresError, SQLAlchemyError) as error:
        raise CommandFailed(f"the database of the {name} cannot be migrated: {str(error).splitlines()[0]}") from None
    typer.echo(f"{name}: the database is up to date")


async def _make_topics(settings: _TopicSettings) -> None:
    from aiokafka.errors import KafkaConnectionError, KafkaError

    from sendto.runtime.topics import create_topics

    async def run() -> None:
        await create_topics(settings.kafka, settings.topics)

    try:
        await _patiently(run, (KafkaConnectionError, TimeoutError), "Kafka cannot be reached")
    except KafkaError as error:
        raise CommandFailed(f"the topics cannot be made: {error}") from None
    typer.echo("topics: all are there")


async def _patiently(work: Callable[[], Awaitable[None]], away: tuple[type[Exception], ...], complaint: str) -> None:
    """Do the work, again while its server is away, until the waiting takes too long."""
    waited_s = 0.0
    while True:
        try:
            return await work()
        except away as error:
            if waited_s >= _WAIT_S:
                raise CommandFailed(f"{complaint}: {error or type(error).__name__}") from None
        waited_s += _PAUSE_S
        await asyncio.sleep(_PAUSE_S)
