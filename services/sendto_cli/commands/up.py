"""`sendto up`: everything on one machine."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.home import HOME_VARIABLE, chosen_home

_LAST_PORT = 65_533  # two follow


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    home: Annotated[Path | None, typer.Option(envvar=HOME_VARIABLE, help="Where its data is kept.")] = None,
    port_base: Annotated[
        int,
        typer.Option(
            envvar="SENDTO_PORT_BASE",
            min=0,
            max=_LAST_PORT,
            help="The API's port; dispatcher +1, sandbox +2. 0: free ones.",
        ),
    ] = 8080,
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Providers and routes (TOML); none: the sandbox.")
    ] = None,
    dispatchers: Annotated[int, typer.Option(min=1, max=16, help="How many dispatchers share the work.")] = 1,
) -> None:
    """Run everything on this machine: PostgreSQL, Kafka, API, relay, dispatcher and the sandbox provider."""
    from rich.console import Console

    from sendto_cli.checking import check_all
    from sendto_cli.configuration import load_settings
    from sendto_cli.up import files
    from sendto_cli.up.display import Display
    from sendto_cli.up.errors import UpFailed
    from sendto_cli.up.plan import HOST, SANDBOX_URL_VARIABLE, Outside
    from sendto_cli.up.system import Options, System

    options = Options(
        home=chosen_home(home),
        port_base=port_base,
        config=config.resolve() if config else None,
        dispatchers=dispatchers,
    )
    outside = load_settings(Outside, options.config)
    os.environ.setdefault(SANDBOX_URL_VARIABLE, f"http://{HOST}")  # the real one is known once ports are chosen
    check_all(options.config)
    try:
        with files.locked(options.home), Display(Console()) as display:
            asyncio.run(System(options, outside, display).run())
    except UpFailed as failure:
        raise CommandFailed(str(failure)) from None
