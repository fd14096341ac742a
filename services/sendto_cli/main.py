"""The `sendto` command's entry: finds the command modules, runs one, turns expected failures into one line."""

import importlib
import pkgutil
import sys

try:
    import typer
except ModuleNotFoundError:  # installed for an adapter's author, without the extra
    sys.exit("sendto: the command needs its extra: pip install 'sendto[all]'")

from sendto_cli import commands
from sendto_cli.errors import CommandFailed


def build() -> typer.Typer:
    """The whole command line, each command registered by its own module."""
    app = typer.Typer(
        name="sendto",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def _root() -> None:
    """Relays the customer of every order to the shipment provider that ships it, and keeps it right there."""


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong usage."""
    try:
        build()()
    except CommandFailed as failure:
        print(f"sendto: {failure}", file=sys.stderr)  # noqa: T201 - a command speaks to its user
        sys.exit(1)
