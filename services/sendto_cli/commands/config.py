"""`sendto config`: the configuration, checked and shown."""

from typing import Any

import typer

from sendto_cli.options import AsJson, Config


def register(app: typer.Typer) -> None:
    """Add the commands."""
    config = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
    config.command("check")(check)
    config.command("show")(show)
    app.add_typer(config, name="config")


def check(config: Config = None) -> None:
    """Say whether every service could start with the configuration; names what is wrong."""
    from sendto_cli.checking import check_all

    checked = check_all(config)
    for name in checked.unknown:
        typer.echo(f"warning: routes name {name}, which is not configured: its lanes would wait")
    names = ", ".join(checked.providers) or "none"
    typer.echo(f"the configuration is good; providers: {names}; routes: {checked.routes}")


def show(*, config: Config = None, as_json: AsJson = False) -> None:
    """Print the settings in force, defaults included; secrets are masked."""
    import json

    from sendto.runtime.masking import masked
    from sendto_cli.checking import load_all

    shown: dict[str, Any] = {}
    for settings in load_all(config):
        shown |= settings.model_dump(mode="json")
    shown = masked(shown)
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    for line in _lines(shown):
        typer.echo(line)


def _lines(tree: dict[str, Any], path: str = "") -> list[str]:
    lines = []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        lines += _lines(value, name) if isinstance(value, dict) else [f"{name} = {value}"]
    return lines
