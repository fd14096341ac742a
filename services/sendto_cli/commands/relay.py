"""`sendto relay`: the process that publishes the outbox, and publishing again."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config, Home

if TYPE_CHECKING:
    from sendto_api.outbox.events import EventSettings

_WINDOW = re.compile(r"([1-9][0-9]{0,8})(s|min|m|h|d)")
_UNITS_S = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Run the relay, or let it publish again.", invoke_without_command=True)
    commands.callback()(relay)
    commands.command("republish")(republish)
    app.add_typer(commands, name="relay")


def relay(context: typer.Context, config: Config = None) -> None:
    """Run the relay: publishes stored events on Kafka, in order per order."""
    if context.invoked_subcommand is not None:
        return
    from sendto.runtime.serving import AddressInUse, run
    from sendto_api.relay_app import main
    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings

    try:
        run(main(load_settings(ApiSettings, config)))
    except AddressInUse as error:
        raise CommandFailed(str(error)) from None


def republish(
    since: Annotated[
        str | None, typer.Option(metavar="WINDOW", help="What was published within this time, such as 90s, 30min, 1h.")
    ] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every order's current state, under a new version; goes on if cut short.")
    ] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Publish again: a window of the outbox as it was, or everything as it is. The relay does it, in its turn."""
    if (since is None) == (not everything):
        raise typer.BadParameter("name either --since WINDOW or --all")
    window = _window(since) if since is not None else None
    count = asyncio.run(_republish(window, home, config))
    typer.echo(f"{count} {'events' if window else 'orders'} are in the outbox again; the relay publishes them")


def _window(text: str) -> timedelta:
    matched = _WINDOW.fullmatch(text.strip())
    if not matched:
        raise typer.BadParameter("is no time such as 90s, 30min, 1h or 7d", param_hint="--since")
    return timedelta(seconds=int(matched[1]) * _UNITS_S[matched[2]])


async def _republish(window: timedelta | None, home: Path | None, config: Path | None) -> int:
    from sendto.runtime.database import Database, DatabaseAway
    from sendto_api.outbox.republish import republish_everything, republish_window
    from sendto_cli.configuration import database_settings

    database = Database(database_settings("api", home, config), application_name="sendto-command")
    try:
        if window is not None:
            return await republish_window(database, window, _report)
        return await republish_everything(database, _event_settings(config), _report)
    except DatabaseAway as error:
        raise CommandFailed(f"the database is away ({error}); say it again, it goes on from there") from None
    finally:
        await database.close()


def _report(done: int) -> None:
    typer.echo(f"\r{done}", nl=False, err=True)


def _event_settings(config: Path | None) -> "EventSettings":
    from sendto_api.outbox.events import EventSettings
    from sendto_api.settings import SiteSettings
    from sendto_cli.configuration import load_settings

    site = load_settings(SiteSettings, config).api
    return EventSettings(time_zone=site.time_zone, default_region=site.default_region)
