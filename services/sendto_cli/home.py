"""The home of a running system: where `sendto up` keeps its data, and what it tells other commands in `run.json`."""

import fcntl
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sendto_cli.errors import CommandFailed

HOME_VARIABLE = "SENDTO_HOME"
_DEFAULT = ".sendto"


class Run(BaseModel):
    """`run.json`: the addresses, tokens and processes of a running system."""

    model_config = ConfigDict(frozen=True)

    api_url: str
    relay_url: str
    dispatcher_url: str
    sandbox_url: str
    token: str
    """for the API, with all permissions"""
    ops_token: str
    """for the dispatcher's ops API"""
    kafka_bootstrap_servers: str
    api_database_url: str
    dispatcher_database_url: str
    pids: dict[str, int]
    """by process name; a part that runs elsewhere has none"""
    ready: bool
    """whether all parts are"""


def chosen_home(home: Path | None) -> Path:
    """The home that was asked for, else `SENDTO_HOME`, else the hidden folder `.sendto` here."""
    return (home or Path(os.environ.get(HOME_VARIABLE) or _DEFAULT)).absolute()


def run_file(home: Path) -> Path:
    """Where the running system says what it is."""
    return home / "run.json"


def lock_file(home: Path) -> Path:
    """Locked as long as a system runs in the home."""
    return home / "lock"


def is_in_use(home: Path) -> bool:
    """Whether a system runs in the home: what a killed one said of itself is still there."""
    try:
        with lock_file(home).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_run(home: Path | None) -> Run:
    """What the system that runs in this home says about itself.

    Raises:
        CommandFailed: none runs there.
    """
    chosen = chosen_home(home)
    try:
        if not is_in_use(chosen):
            raise FileNotFoundError  # noqa: TRY301 - the same to whoever asks
        return Run.model_validate_json(run_file(chosen).read_bytes())
    except FileNotFoundError:
        raise CommandFailed(f"nothing runs in {chosen}: start it with `sendto up`, or name another --home") from None
    except (OSError, ValidationError):
        raise CommandFailed(f"{run_file(chosen)} cannot be read") from None
