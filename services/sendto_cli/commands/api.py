"""`sendto api`: the API's process."""

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(api)


def api(
    config: Config = None,
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
