"""PostgreSQL and Kafka for the run, and such as a test may kill.

Found in this order: an address in the environment (`SENDTO_TEST_POSTGRES_URL`, `SENDTO_TEST_KAFKA`); testcontainers,
where a Docker engine answers that has the image or can get it; embedded, as `sendto up` runs them.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Self

import requests

from infra.eventually import eventually
from infra.guard import Guard
from sendto_cli.up.jars import cache_folder, fetch
from sendto_cli.up.kafka import EmbeddedKafka
from sendto_cli.up.postgres import EmbeddedPostgres

POSTGRES_VARIABLE = "SENDTO_TEST_POSTGRES_URL"
KAFKA_VARIABLE = "SENDTO_TEST_KAFKA"
POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"
_DOCKER_SOCKET = Path("/var/run/docker.sock")
_START_S = 60.0
_STOP_S = 30
_POLL_S = 0.05


@cache
def origin(variable: str, image: str) -> str:
    """Where a server comes from: `environment`, `testcontainers` or `embedded`."""
    if os.environ.get(variable):
        return "environment"
    return "testcontainers" if engine_has(image) else "embedded"


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

    def __init__(
        self,
        command: list[str],
        port: int,
        log: Path,
        stop_signal: signal.Signals,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = command
        self._env = dict(os.environ) | dict(env or {})
        self._port = port
        self._log = log
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers. Blocks."""
        deadline = monotonic() + _START_S
        while not self._comes_up():
            assert monotonic() < deadline, self._log.read_text()[-2000:]
            sleep(_POLL_S)

    async def come_back(self) -> None:
        """Start it again after `kill` and wait until it answers."""
        await eventually(self._comes_up_soon)

    async def _comes_up_soon(self) -> bool:
        return self._comes_up()

    def _comes_up(self) -> bool:
        """Whether it answers; else it is started, again if it ended because what the killed one left holds on."""
        if self._process is None or self._process.poll() is not None:
            self._launch()
        return _answers(self._port)

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", f"--pdeathsig={self._stop_signal.name.removeprefix('SIG')}", "--", *self._command],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._env,
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

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run it, wait until it answers, stop it at the end."""
        try:
            self.start()
            yield self
        finally:
            self.stop()


class OwnPostgres(_Own):
    """A PostgreSQL of a test's own.

    Args:
        folder: its own folder.
        durable: as in production, which few tests need.
        near: a further address at which it listens, for whoever is in the same network.
        env: further variables.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        near: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        port = free_port()
        self._embedded = EmbeddedPostgres(folder, port=port, password="test")
        self._embedded.prepare()
        # A run that is cut short loses nothing that anyone wants; a test that kills it tests a killed process.
        command = [*self._embedded.command, *([] if durable else ["--fsync=off"])]
        if near:
            command.append(f"--listen_addresses=127.0.0.1,{near}")
            with (folder / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all all samenet scram-sha-256\n")
        super().__init__(command, port, folder / "log", signal.SIGINT, env)

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return self._embedded.url(database)


class OwnKafka(_Own):
    """A Kafka of a test's own.

    Args:
        folder: its own folder.
        near: a further address at which it listens.
        guard: whom it lets in at one more address, and how.
    """

    def __init__(self, folder: Path, *, near: str | None = None, guard: Guard | None = None) -> None:
        class_path = fetch(cache_folder(), lambda *_: None)
        self._folder = folder
        port, controller_port = free_port(), free_port()
        self.near = f"{near}:{free_port()}" if near else None
        """where clients connect that are near"""
        self._embedded = EmbeddedKafka(
            folder,
            class_path,
            port=port,
            controller_port=controller_port,
            format_options=guard.format_options() if guard else (),
        )
        self._embedded.prepare()
        if self.near:
            with (folder / "server.properties").open("a") as properties:  # what comes later counts
                properties.write(_near_too(self.near, port, controller_port))
        self.guarded = f"127.0.0.1:{free_port()}" if guard else None
        """where clients connect that say who they are"""
        if guard and self.guarded:
            with (folder / "server.properties").open("a") as properties:
                properties.write(guard.properties(folder, self.guarded, port, controller_port))
        super().__init__(self._embedded.command, port, folder / "log", signal.SIGTERM)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return self._embedded.bootstrap_servers

    def empty(self) -> None:
        """Forget everything, while it does not run: the next start is another cluster's."""
        (self._folder / "formatted").unlink()
        shutil.rmtree(self._folder / "data")
        self._embedded.prepare()


def _near_too(near: str, port: int, controller_port: int) -> str:
    clients = f"CLIENTS://127.0.0.1:{port},NEAR://{near}"
    return "\n".join(
        [
            "",
            f"listeners={clients},CONTROLLER://127.0.0.1:{controller_port}",
            f"advertised.listeners={clients}",
            "listener.security.protocol.map=CLIENTS:PLAINTEXT,NEAR:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "",
        ]
    )


_PORTS = range(10_000, 32_000)
"""below those that systems give to connections: one of these could take a port while its server is restarted"""


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, and which no connection is given."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _answers(port: int) -> bool:
    """Whether something listens; clients wait themselves until it takes them."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def engine_has(image: str) -> bool:
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
