"""Secrets from where a configuration says that they are: `env:NAME`, `file:PATH`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sendto.kernel.secret_settings import is_source


class SecretMissing(Exception):  # noqa: N818 - named for what happened
    """The variable is not set, or the file cannot be read; the text names it."""


def resolved(value: Any, base: Path, environ: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - a configuration tree
    """The settings with every `env:NAME` and `file:PATH` replaced by what it points to.

    Args:
        value: a text, or a tree of tables and lists with texts in it.
        base: what files are relative to.
        environ: the environment; None means this process's.

    Raises:
        SecretMissing: the variable is not set, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    match value:
        case Mapping():
            return {name: resolved(inner, base, environ) for name, inner in value.items()}
        case list():
            return [resolved(inner, base, environ) for inner in value]
        case str() if is_source(value):
            source, _, place = value.partition(":")
            return _from_environment(place, environ) if source == "env" else from_file(base / place)
        case _:
            return value


def from_file(path: Path) -> str:
    """The secret in a file, without the end of its line.

    Raises:
        SecretMissing: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SecretMissing(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretMissing(f"{path} is not UTF-8") from None


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    try:
        return environ[name]
    except KeyError:
        raise SecretMissing(f"the environment variable {name} is not set") from None
