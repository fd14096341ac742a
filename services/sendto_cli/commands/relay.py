"""`sendto relay`: the process that publishes the outbox."""

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relay)


def relay(
    config: Config = None,
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
