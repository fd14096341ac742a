"""The pieces of Apache Kafka: fetched once by a Maven client, each checked against the hash in our lock file.

`python -m sendto_cli.up.jars` resolves them anew and writes the lock file.
"""

import fcntl
import hashlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sendto_cli.up.errors import UpFailed

COORDINATES = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-nop:1.7.36")
LOCK = Path(__file__).with_name("kafka-jars.lock")
_AT_ONCE = 4


@dataclass(frozen=True)
class Jar:
    """One jar: `group:artifact:version`, and the SHA-256 of its bytes in hexadecimal."""

    coordinates: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Its place in a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return folder.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")

    def is_intact(self, folder: Path) -> bool:
        """Whether the whole jar is there."""
        path = self.path(folder)
        return path.exists() and _sha256(path) == self.sha256


def locked() -> list[Jar]:
    """The jars of the lock file."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [Jar(*line.split(" sha256:")) for line in lines if line and not line.startswith("#")]


def cache_folder() -> Path:
    """Where fetched jars are kept, for all homes."""
    return Path.home() / ".cache" / "sendto" / "maven"


def fetch(folder: Path, progress: Callable[[int, int], None]) -> list[Path]:
    """Bring every jar of the lock file into `folder`; those that are there and intact stay.

    Args:
        folder: a Maven repository; made if it is missing.
        progress: told how many jars are there, of how many.

    Returns:
        The class path.

    Raises:
        UpFailed: one cannot be fetched or written, or is not what the lock file says.
    """
    jars = locked()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), ThreadPoolExecutor(_AT_ONCE) as threads:
            for done, _ in enumerate(threads.map(lambda jar: _fetch_one(jar, folder), jars), start=1):
                progress(done, len(jars))
    except OSError as error:
        raise UpFailed(f"the pieces of Kafka cannot be kept in {folder}: {error.strerror or error}") from None
    return [jar.path(folder) for jar in jars]


def _fetch_one(jar: Jar, folder: Path) -> None:
    if jar.is_intact(folder):
        return
    import requests  # noqa: PLC0415 - the Maven client's; neither is needed once the jars are there

    jar.path(folder).unlink(missing_ok=True)  # cut short by an earlier end
    try:
        _artifact(jar.coordinates, folder).resolve()
    except (RuntimeError, requests.RequestException) as error:
        raise UpFailed(f"{jar.coordinates} cannot be fetched ({type(error).__name__}): is there a network?") from None
    if not jar.is_intact(folder):
        jar.path(folder).unlink()
        raise UpFailed(f"{jar.coordinates} is not what {LOCK.name} says: its hash differs")


def _artifact(coordinates: str, folder: Path) -> Any:  # noqa: ANN401 - the client's own type
    from jgo.maven import MavenContext  # noqa: PLC0415 - see _fetch_one

    group, artifact, version = coordinates.split(":")
    return MavenContext(repo_cache=folder).project(group, artifact).at_version(version).artifact()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two systems that start at once fetch one after the other."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _resolve(folder: Path) -> list[Jar]:
    from jgo.env import EnvironmentBuilder  # noqa: PLC0415 - only when the lock file is made
    from jgo.maven import MavenContext  # noqa: PLC0415 - the same
    from jgo.parse import Endpoint  # noqa: PLC0415 - the same

    context = MavenContext(repo_cache=folder)
    wanted = Endpoint.parse("+".join(COORDINATES)).coordinates
    inputs, further = context.resolver.resolve(EnvironmentBuilder(context)._coordinates_to_dependencies(wanted))  # noqa: SLF001 - the only way to resolve without linking
    found = {f"{d.artifact.groupId}:{d.artifact.artifactId}:{d.artifact.version}" for d in (*inputs, *further)}
    return [Jar(coordinates, _sha256(_artifact(coordinates, folder).resolve())) for coordinates in sorted(found)]


def _write_lock() -> None:
    lines = ["# Made by `python -m sendto_cli.up.jars` from: " + ", ".join(COORDINATES)]
    lines += [f"{jar.coordinates} sha256:{jar.sha256}" for jar in _resolve(cache_folder())]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(lines) - 1} jars\n")


if __name__ == "__main__":
    _write_lock()
