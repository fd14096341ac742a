"""`sendto api`: the API's process."""

from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(api)


def api(
    config: Annotated[Path | None, typer.Option(help="The configuration file (TOML).")] = None,
) -> None:
    """Run the HTTP API: stores orders and customers, and emits what changed."""
    from sendto.runtime.serving import AddressInUse, run
    from sendto_api.app import main
    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings

    try:
        run(main(load_settings(ApiSettings, config)))
    except AddressInUse as error:
        raise CommandFailed(str(error)) from None
