"""Settings for commands: what is wrong with them becomes one clear failure."""

import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from sendto.runtime.settings import CONFIG_VARIABLE, SettingsInvalid, load
from sendto_cli.errors import CommandFailed

Root = TypeVar("Root", bound=BaseModel)


def load_settings(root: type[Root], config: Path | None) -> Root:
    """The settings from the file and the environment.

    Raises:
        CommandFailed: they cannot be used; names each setting that is missing or wrong.
    """
    try:
        return load(root, config)
    except SettingsInvalid as error:
        raise CommandFailed(f"the configuration cannot be used: {error}") from None


def config_folder(config: Path | None) -> Path:
    """The folder that paths in the configuration are relative to: the file's, else the working one."""
    chosen = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    return chosen.resolve().parent if chosen else Path.cwd()
