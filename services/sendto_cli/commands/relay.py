"""`sendto relay`: the process that publishes the outbox."""

from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relay)


def relay(
    config: Annotated[Path | None, typer.Option(help="The configuration file (TOML).")] = None,
) -> None:
    """Run the relay: publishes stored events on Kafka, in order per order."""
    from sendto.runtime.serving import AddressInUse, run
    from sendto_api.relay_app import main
    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings

    try:
        run(main(load_settings(ApiSettings, config)))
    except AddressInUse as error:
        raise CommandFailed(str(error)) from None
