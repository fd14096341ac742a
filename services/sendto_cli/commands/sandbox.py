"""`sendto sandbox`: the sandbox provider's process."""

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sandbox)


def sandbox(
    config: Config = None,
) -> None:
    """Run the sandbox provider: a real HTTP server to try things on."""
    from sendto.runtime.serving import AddressInUse, run
    from sendto_cli.configuration import load_settings
    from sendto_sandbox.app import main
    from sendto_sandbox.settings import SandboxSettings

    try:
        run(main(load_settings(SandboxSettings, config)))
    except AddressInUse as error:
        raise CommandFailed(str(error)) from None
