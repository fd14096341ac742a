"""`sendto dispatcher`: the dispatcher's process."""

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dispatcher)


def dispatcher(
    config: Config = None,
) -> None:
    """Run the dispatcher: takes customer events and makes every shipment provider hold the newest state."""
    from sendto.runtime.serving import AddressInUse, run
    from sendto_cli.configuration import config_file, config_folder, load_settings
    from sendto_dispatcher.app import main
    from sendto_dispatcher.engine.provider import ProviderUnusable
    from sendto_dispatcher.settings import DispatcherSettings

    try:
        run(main(load_settings(DispatcherSettings, config), config_folder(config), config_file(config)))
    except (ProviderUnusable, AddressInUse) as error:
        raise CommandFailed(str(error)) from None
