"""The home's files: its lock, its secrets, `run.json`."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from sendto_cli.home import lock_file, run_file
from sendto_cli.up.errors import UpFailed


class Secrets(BaseModel):
    """What a home makes up once and keeps."""

    postgres_password: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    digest_key: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    token: str = ""
    """for the API; empty until the database has one"""
    ops_token: str = ""
    """for the dispatcher's ops API; likewise"""


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Own the home until the end of the block, or of this process; what an earlier owner said of itself is removed.

    Raises:
        UpFailed: another instance owns it, or it cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        lock = lock_file(home).open("w")
    except OSError as error:
        raise UpFailed(f"the home {home} cannot be used: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpFailed(f"the home {home} is in use by another `sendto up`; choose one with --home") from None
        run_file(home).unlink(missing_ok=True)
        yield


def load_secrets(home: Path) -> Secrets:
    """The home's secrets; the first time they are made up and kept.

    Raises:
        UpFailed: they cannot be read or written.
    """
    path = _secrets_file(home)
    try:
        known = Secrets.model_validate_json(path.read_bytes()) if path.exists() else Secrets()
    except (OSError, ValidationError):
        raise UpFailed(f"{path} cannot be read; without it the home's database cannot be opened") from None
    save_secrets(home, known)
    return known


def save_secrets(home: Path, known: Secrets) -> None:
    """Keep the secrets, for this user only."""
    write(_secrets_file(home), known.model_dump_json())


def write(path: Path, text: str) -> None:
    """Replace a file in one step, readable for this user only.

    Raises:
        UpFailed: it cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UpFailed(f"{path} cannot be written: {error.strerror}") from None


def read_json(path: Path) -> object:
    """A file's JSON; None if there is none, or nothing of sense in it."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def read_ports(home: Path) -> dict[str, int]:
    """The ports that the home used last, by process name."""
    known = read_json(_ports_file(home))
    return {name: port for name, port in known.items() if isinstance(port, int)} if isinstance(known, dict) else {}


def write_ports(home: Path, ports: Mapping[str, int]) -> None:
    """Keep the ports, so that a later start chooses them again."""
    write(_ports_file(home), json.dumps(dict(ports)))


def _ports_file(home: Path) -> Path:
    return home / "ports.json"


def _secrets_file(home: Path) -> Path:
    return home / "secrets.json"
