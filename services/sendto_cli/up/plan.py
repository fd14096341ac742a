"""Which parts run where, with which settings. Pure but for finding free ports."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from sendto.runtime.settings import DatabaseUrl
from sendto_cli.up.errors import UpFailed
from sendto_cli.up.files import Secrets

HOST = "127.0.0.1"
SANDBOX_URL_VARIABLE = "SENDTO_SANDBOX_URL"
DEFAULT_CONFIG = f"""\
# Written by `sendto up`, which was started without --config: every order goes to the sandbox.
[providers.sandbox]
adapter = "sandbox"
[providers.sandbox.config]
url = "env:{SANDBOX_URL_VARIABLE}"

[routing]
default = ["sandbox"]
"""


class _Brokers(BaseModel):
    bootstrap_servers: str | None = None


class _Database(BaseModel):
    database_url: DatabaseUrl | None = None

    @property
    def told(self) -> str | None:
        return None if self.database_url is None else self.database_url.get_secret_value()


class Outside(BaseModel):
    """The sections of the settings that say which parts run elsewhere."""

    kafka: _Brokers = _Brokers()
    api: _Database = _Database()
    dispatcher: _Database = _Database()

    @property
    def bootstrap_servers(self) -> str | None:
        """The brokers, if they are not ours."""
        return self.kafka.bootstrap_servers

    @property
    def api_database_url(self) -> str | None:
        """The API's database, if it is not ours."""
        return self.api.told

    @property
    def dispatcher_database_url(self) -> str | None:
        """The dispatcher's database, if it is not ours."""
        return self.dispatcher.told

    @property
    def needs_postgres(self) -> bool:
        """Whether one of the databases has to be ours."""
        return self.api_database_url is None or self.dispatcher_database_url is None


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where everything is."""

    ports: Mapping[str, int]
    """of the services by process name"""
    bootstrap_servers: str
    api_database_url: str
    dispatcher_database_url: str

    def url(self, name: str) -> str:
        """Where a service listens."""
        return f"http://{HOST}:{self.ports[name]}"


def dispatcher_names(count: int) -> list[str]:
    """The process names of `count` dispatchers."""
    return ["dispatcher", *(f"dispatcher-{number}" for number in range(2, count + 1))]


def choose_ports(base: int, dispatchers: int, earlier: Mapping[str, int]) -> dict[str, int]:
    """A port for everything that listens, by process name; `controller` is Kafka's second one.

    Args:
        base: the API's; the dispatcher's and the sandbox's follow. 0: free ones.
        dispatchers: how many.
        earlier: what the home used last; a free choice keeps to it where it can.

    Raises:
        UpFailed: a port that is not of free choice is taken.
    """
    wanted = dict(zip(("api", "dispatcher", "sandbox"), range(base, base + 3), strict=True)) if base else {}
    for name, port in wanted.items():
        if not is_free(port):
            raise UpFailed(f"port {port} (for the {name}) is in use; choose others with --port-base")
    chosen = dict(wanted)
    for name in ("api", "relay", "sandbox", "kafka", "controller", "postgres", *dispatcher_names(dispatchers)):
        if name not in chosen:
            port = earlier.get(name, 0)
            chosen[name] = port if port and port not in chosen.values() and is_free(port) else _free_port(chosen)
    return chosen


def is_free(port: int) -> bool:
    """Whether nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def environment(name: str, addresses: Addresses, secrets: Secrets, config: Path, home: Path) -> dict[str, str]:
    """The settings of a service, besides the file's."""
    section = name.split("-", maxsplit=1)[0].upper()
    return {
        "SENDTO_CONFIG": str(config),
        SANDBOX_URL_VARIABLE: addresses.url("sandbox"),
        "SENDTO_KAFKA__BOOTSTRAP_SERVERS": addresses.bootstrap_servers,
        "SENDTO_API__DATABASE_URL": addresses.api_database_url,
        "SENDTO_DISPATCHER__DATABASE_URL": addresses.dispatcher_database_url,
        "SENDTO_DISPATCHER__DIGEST_KEY": secrets.digest_key,
        "SENDTO_DISPATCHER__RELAY_URLS": addresses.url("relay"),
        "SENDTO_SANDBOX__DATA_DIR": str(home / "sandbox"),
    } | ({f"SENDTO_{section}__PORT": str(addresses.ports[name])} if name in addresses.ports else {})


def _free_port(taken: Mapping[str, int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in taken.values():
            return port
