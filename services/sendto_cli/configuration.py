"""Settings for commands: what is wrong with them becomes one clear failure."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, SecretStr

from sendto.runtime.settings import CONFIG_VARIABLE, DatabaseSettings, DatabaseUrl, SettingsInvalid, load
from sendto_cli.errors import CommandFailed

Root = TypeVar("Root", bound=BaseModel)


class _Database(BaseModel):
    """What of a section says where its database is."""

    database_url: DatabaseUrl | None = None


class _Databases(BaseModel):
    """The sections that say where a database is, read without asking for anything else in them."""

    api: _Database = _Database()
    dispatcher: _Database = _Database()


def load_settings(root: type[Root], config: Path | None, environ: Mapping[str, str] | None = None) -> Root:
    """The settings from the file and the environment (None: this process's).

    Raises:
        CommandFailed: they cannot be used; names each setting that is missing or wrong.
    """
    try:
        return load(root, config, environ)
    except SettingsInvalid as error:
        raise CommandFailed(f"the configuration cannot be used: {error}") from None


def config_file(config: Path | None) -> Path | None:
    """The configuration file: the one that is given, else the environment's, else none."""
    return config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)


def config_folder(config: Path | None) -> Path:
    """The folder that paths in the configuration are relative to: the file's, else the working one."""
    chosen = config_file(config)
    return chosen.absolute().parent if chosen else Path.cwd()


def database_settings(
    section: Literal["api", "dispatcher"], home: Path | None, config: Path | None
) -> DatabaseSettings:
    """How to reach a service's database: as the environment or the file says, else as the running system does.

    Args:
        section: `api` or `dispatcher`.
        home: the home of `sendto up`; a given one goes before everything else.
        config: the configuration file.

    Raises:
        CommandFailed: neither tells.
    """
    from sendto_cli.home import read_run  # noqa: PLC0415 - the services do without it

    told = None
    if home is None:
        sections = load_settings(_Databases, config)
        told = (sections.api if section == "api" else sections.dispatcher).database_url
    if told is None:
        run = read_run(home)
        told = SecretStr(run.api_database_url if section == "api" else run.dispatcher_database_url)
    return DatabaseSettings(database_url=told, pool_min_size=1, pool_max_size=1)
