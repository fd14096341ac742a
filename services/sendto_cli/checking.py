"""Whether every service could start with a configuration, found out without starting one."""

import os
from dataclasses import dataclass
from pathlib import Path

from sendto_api.settings import ApiSettings
from sendto_cli.configuration import config_folder, load_settings
from sendto_cli.errors import CommandFailed
from sendto_dispatcher.configuration import build_providers, build_routing
from sendto_dispatcher.engine.provider import ProviderUnusable
from sendto_dispatcher.settings import DispatcherSettings
from sendto_sandbox.settings import SandboxSettings

_UNUSED_URL = "postgresql://unused@127.0.0.1/unused"


@dataclass(frozen=True)
class Checked:
    """What a good configuration holds."""

    providers: list[str]
    routes: int
    unknown: list[str]
    """providers that routes name and nothing configures"""


def load_all(config: Path | None) -> tuple[ApiSettings, DispatcherSettings, SandboxSettings]:
    """The settings of every service; a database's address that is not given is not asked for.

    Raises:
        CommandFailed: a setting is missing or wrong.
    """
    given = dict(os.environ)
    for section in ("API", "DISPATCHER"):
        given.setdefault(f"SENDTO_{section}__DATABASE_URL", _UNUSED_URL)
    return (
        load_settings(ApiSettings, config, given),
        load_settings(DispatcherSettings, config, given),
        load_settings(SandboxSettings, config, given),
    )


def check_all(config: Path | None) -> Checked:
    """Check the settings of every service, and make every provider's adapter.

    Raises:
        CommandFailed: names each setting or provider that cannot be used.
    """
    _, settings, _ = load_all(config)
    try:
        made = build_providers(settings, config_folder(config))
    except ProviderUnusable as error:
        raise CommandFailed(str(error)) from None
    build_routing(settings)
    providers = [provider.name for provider in made]
    named = {name for route in settings.routes for name in route.to} | set(settings.routing.default)
    return Checked(providers, len(settings.routes), sorted(named - set(providers)))
