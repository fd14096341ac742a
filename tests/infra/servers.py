"""PostgreSQL and Kafka for the run, and such as a test may kill.

Found in this order: an address in the environment (`SENDTO_TEST_POSTGRES_URL`, `SENDTO_TEST_KAFKA`); testcontainers,
where a Docker engine answers that has the image or can get it; embedded, as `sendto up` runs them.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import requests

from sendto_cli.up.jars import cache_folder, fetch
from sendto_cli.up.kafka import EmbeddedKafka
from sendto_cli.up.postgres import EmbeddedPostgres

POSTGRES_VARIABLE = "SENDTO_TEST_POSTGRES_URL"
KAFKA_VARIABLE = "SENDTO_TEST_KAFKA"
POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"
_DOCKER_SOCKET = Path("/var/run/docker.sock")
_STOP_S = 30


@cache
def origin(variable: str, image: str) -> str:
    """Where a server comes from: `environment`, `testcontainers` or `embedded`."""
    if os.environ.get(variable):
        return "environment"
    return "testcontainers" if _engine_has(image) else "embedded"


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """The address of a superuser's database on the run's PostgreSQL."""
    with ExitStack() as stack:
        match origin(POSTGRES_VARIABLE, POSTGRES_IMAGE):
            case "environment":
                yield os.environ[POSTGRES_VARIABLE]
            case "testcontainers":
                from testcontainers.postgres import PostgresContainer

                container = stack.enter_context(PostgresContainer(POSTGRES_IMAGE, driver=None))
                yield container.get_connection_url()
            case _:
                server = stack.enter_context(OwnPostgres(folder).running())
                yield server.url("postgres")


@contextmanager
def kafka_server(folder: Path) -> Iterator[str]:
    """The bootstrap servers of the run's Kafka."""
    with ExitStack() as stack:
        match origin(KAFKA_VARIABLE, KAFKA_IMAGE):
            case "environment":
                yield os.environ[KAFKA_VARIABLE]
            case "testcontainers":
                from testcontainers.kafka import KafkaContainer

                container = stack.enter_context(KafkaContainer(KAFKA_IMAGE).with_kraft())
                yield container.get_bootstrap_server()
            case _:
                server = stack.enter_context(OwnKafka(folder).running())
                yield server.bootstrap_servers


class _Own:
    """A server that belongs to one test, which may kill it and start it again."""

    def __init__(self, command: list[str], log: Path, stop_signal: signal.Signals) -> None:
        self._command = command
        self._log = log
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may take a moment until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", f"--pdeathsig={self._stop_signal.name.removeprefix('SIG')}", "--", *self._command],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a power failure would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_STOP_S)

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            self._process.wait(_STOP_S)


class OwnPostgres(_Own):
    """A PostgreSQL of a test's own."""

    def __init__(self, folder: Path) -> None:
        self._embedded = EmbeddedPostgres(folder, port=free_port(), password="test")
        self._embedded.prepare()
        # A run that is cut short loses nothing that anyone wants; a test that kills it tests a killed process.
        command = [*self._embedded.command, "--fsync=off"]
        super().__init__(command, folder / "log", signal.SIGINT)

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return self._embedded.url(database)

    @contextmanager
    def running(self) -> Iterator["OwnPostgres"]:
        """Run it, wait until it answers, stop it at the end."""
        self.start()
        try:
            _wait_for_port(self.url("postgres").rsplit(":", 1)[1].split("/")[0])
            yield self
        finally:
            self.stop()


class OwnKafka(_Own):
    """A Kafka of a test's own."""

    def __init__(self, folder: Path) -> None:
        class_path = fetch(cache_folder(), lambda *_: None)
        self._embedded = EmbeddedKafka(folder, class_path, port=free_port(), controller_port=free_port())
        self._embedded.prepare()
        super().__init__(self._embedded.command, folder / "log", signal.SIGTERM)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return self._embedded.bootstrap_servers

    @contextmanager
    def running(self) -> Iterator["OwnKafka"]:
        """Run it, wait until it answers, stop it at the end."""
        self.start()
        try:
            _wait_for_port(self.bootstrap_servers.rsplit(":", 1)[1])
            yield self
        finally:
            self.stop()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: str) -> None:
    """Before any loop runs: the clients then wait for the server themselves."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=0.1).close()
        except OSError:
            subprocess.run(["sleep", "0.05"], check=True)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


def _engine_has(image: str) -> bool:
    """Whether a Docker engine answers that has the image, or can get it."""
    if not os.environ.get("DOCKER_HOST") and not _DOCKER_SOCKET.is_socket():
        return False
    import docker
    from docker.errors import DockerException

    client = docker.DockerClient(base_url=os.environ.get("DOCKER_HOST") or f"unix://{_DOCKER_SOCKET}", timeout=60)
    try:
        client.ping()
        if not client.images.list(name=image):
            client.images.pull(image)
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()
    return True
