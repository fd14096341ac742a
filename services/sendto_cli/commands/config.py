"""`sendto config`: the configuration, checked and shown."""

from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel, SecretStr

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Config

_UNUSED_URL = "postgresql://unused@127.0.0.1/unused"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    config = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
    config.command("check")(check)
    config.command("show")(show)
    app.add_typer(config, name="config")


def check(config: Config = None) -> None:
    """Say whether every service could start with the configuration; names what is wrong."""
    from sendto_cli.configuration import config_folder
    from sendto_dispatcher.app import build_providers, build_routing
    from sendto_dispatcher.engine.provider import ProviderUnusable
    from sendto_dispatcher.settings import DispatcherSettings

    settings = _load_all(config)["dispatcher"]
    assert isinstance(settings, DispatcherSettings)
    try:
        providers = build_providers(settings, config_folder(config))
    except ProviderUnusable as error:
        raise CommandFailed(str(error)) from None
    build_routing(settings)
    named = {name for route in settings.routes for name in route.to} | set(settings.routing.default)
    for name in sorted(named - {provider.name for provider in providers}):
        typer.echo(f"warning: routes name {name}, which is not configured: its lanes would wait")
    names = ", ".join(provider.name for provider in providers) or "none"
    typer.echo(f"the configuration is good; providers: {names}; routes: {len(settings.routes)}")


def show(*, config: Config = None, as_json: AsJson = False) -> None:
    """Print the settings in force, defaults included; secrets are masked."""
    import json

    shown: dict[str, Any] = {}
    for settings in _load_all(config).values():
        shown |= settings.model_dump(mode="json")
    masked = _masked(shown)
    if as_json:
        typer.echo(json.dumps(masked, indent=2))
        return
    for line in _lines(masked):
        typer.echo(line)


def _load_all(config: Path | None) -> dict[str, BaseModel]:
    """The settings of every service; a database address that is not given is not what is asked here."""
    import os

    from sendto_api.settings import ApiSettings
    from sendto_cli.configuration import load_settings
    from sendto_dispatcher.settings import DispatcherSettings
    from sendto_sandbox.settings import SandboxSettings

    given = dict(os.environ)
    for section in ("API", "DISPATCHER"):
        given.setdefault(f"SENDTO_{section}__DATABASE_URL", _UNUSED_URL)
    return {
        "api": load_settings(ApiSettings, config, given),
        "dispatcher": load_settings(DispatcherSettings, config, given),
        "sandbox": load_settings(SandboxSettings, config, given),
    }


def _masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without the texts that a provider's own configuration may hold: what is secret there only its adapter knows."""
    if not isinstance(value, dict):
        return value
    return {key: _unspoken(item) if key == "config" else _masked(item) for key, item in value.items()}


def _unspoken(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {key: _unspoken(item) for key, item in value.items()}
        case list():
            return [_unspoken(item) for item in value]
        case str() if not value.startswith(("env:", "file:")):
            return str(SecretStr(value))
        case _:
            return value


def _lines(tree: dict[str, Any], path: str = "") -> list[str]:
    lines = []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        lines += _lines(value, name) if isinstance(value, dict) else [f"{name} = {value}"]
    return lines
