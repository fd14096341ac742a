"""`sendto orders`: after the API's database was restored, what it has lost."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Config, Home

if TYPE_CHECKING:
    from sendto_cli.lost import Comparison

_WORDS = {
    "missing": "the API does not know it any more",
    "older": "the API has an older state",
    "back": "its customer was deleted, and is there again",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    orders = typer.Typer(help="Compare the API's orders with what the dispatcher knows.", no_args_is_help=True)
    orders.callback()(_root)
    orders.command("lost")(lost)
    app.add_typer(orders, name="orders")


def _root() -> None:
    """Compare the API's orders with what the dispatcher knows."""


def lost(
    since: Annotated[str, typer.Option(metavar="WINDOW", help="Orders that changed within this time, such as 2d.")],
    *,
    reserve: Annotated[
        bool, typer.Option("--reserve", help="Let new orders get higher numbers than all that are known.")
    ] = False,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """After a restore of the API's database: which orders it has lost, has older, or has again though deleted."""
    from sendto_cli import remote
    from sendto_cli.lost import compare
    from sendto_cli.times import moment

    async def ask() -> "Comparison":
        async with remote.api(home) as api, remote.dispatcher(home) as dispatcher:
            return await compare(api, dispatcher, moment(since, "--since"))

    found = remote.run(ask())
    if reserve:
        asyncio.run(_reserve(found.highest, home, config))
    if as_json:
        typer.echo(json.dumps(found.object(), indent=2))
        return
    for one in found.lost:
        typer.echo(f"order {one.order_id}  {one.what}: {_WORDS[one.what]}")
    typer.echo(f"{found.compared} compared, {len(found.lost)} differ; the highest number is {found.highest}")


async def _reserve(highest: int, home: Path | None, config: Path | None) -> None:
    from sendto.runtime.database import Database, DatabaseAway
    from sendto_api.orders.numbers import reserve_up_to
    from sendto_cli.configuration import database_settings

    database = Database(database_settings("api", home, config), application_name="sendto-command")
    try:
        async with database.connection() as connection:
            await reserve_up_to(connection, highest)
    except DatabaseAway as error:
        raise CommandFailed(f"the database is away ({error}); say it again") from None
    finally:
        await database.close()
