"""`sendto migrate`: brings the databases up to date."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed

_WAIT_S = 30.0
_PAUSE_S = 0.5


class Which(StrEnum):
    """The databases that have migrations."""

    API = "api"
    DISPATCHER = "dispatcher"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate(
    which: Annotated[Which, typer.Argument(help="Whose database.")] = Which.ALL,
    config: Annotated[Path | None, typer.Option(help="The configuration file (TOML).")] = None,
) -> None:
    """Bring a database up to date; waits half a minute for one that is just starting."""
    import sendto_api.migrations
    import sendto_dispatcher.migrations
    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings
    from sendto_dispatcher.settings import DispatcherSettings

    if which in {Which.API, Which.ALL}:
        settings = load_settings(ApiSettings, config)
        asyncio.run(_migrate("api", settings.api.database_url.get_secret_value(), sendto_api.migrations.__path__[0]))
    if which in {Which.DISPATCHER, Which.ALL}:
        url = load_settings(DispatcherSettings, config).dispatcher.database_url.get_secret_value()
        asyncio.run(_migrate("dispatcher", url, sendto_dispatcher.migrations.__path__[0]))


async def _migrate(name: str, url: str, scripts: str) -> None:
    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from sendto.runtime.migrations import migrate as run

    waited_s = 0.0
    while True:
        try:
            await run(url, Path(scripts))
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError) as error:
            if waited_s >= _WAIT_S:
                raise CommandFailed(f"the database of the {name} cannot be reached: {error}") from None
            waited_s += _PAUSE_S
            await asyncio.sleep(_PAUSE_S)
        except (asyncpg.PostgresError, SQLAlchemyError) as error:
            raise CommandFailed(f"the database of the {name} cannot be migrated: {error}") from None
        else:
            typer.echo(f"{name}: the database is up to date")
            return
