"""`sendto sandbox`: the sandbox provider's process."""

from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sandbox)


def sandbox(
    config: Annotated[Path | None, typer.Option(help="The configuration file (TOML).")] = None,
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
