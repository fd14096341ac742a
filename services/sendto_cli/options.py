"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.home import HOME_VARIABLE

Home = Annotated[Path | None, typer.Option(envvar=HOME_VARIABLE, help="The home of the running system (sendto up).")]
Config = Annotated[Path | None, typer.Option(help="The configuration file (TOML).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
