"""A network in which one process is alone, with a wire of its own to each server: any wire can be cut."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

WIRES = ("postgres", "kafka", "outside")
"""to PostgreSQL, to Kafka, and to everything else"""
_NAME_MAX = 15


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A pair of network devices, one on each side."""

    device: str
    """on the servers' side"""
    near: str
    """the servers' address"""
    far: str
    """the process's address"""


@dataclass(frozen=True, kw_only=True)
class Island:
    """A network namespace and its wires."""

    name: str
    wires: Mapping[str, Wire]

    @property
    def prefix(self) -> list[str]:
        """Words before a command that is to run there."""
        return ["nsenter", f"--net=/run/netns/{self.name}", "--"]

    def cut(self, wire: str) -> None:
        """From now on everything that is sent over it is lost, and nobody is told."""
        _ip("link", "set", self.wires[wire].device, "down")

    def join(self, wire: str) -> None:
        """Let it carry again."""
        _ip("link", "set", self.wires[wire].device, "up")


@contextmanager
def island() -> Iterator[Island]:
    """A namespace for a block, in a private network that belongs to this process's number."""
    number = os.getpid()
    network = f"10.{64 + (number >> 8) % 64}.{number % 256}"
    name = f"sendto-{number}"
    wires = {
        wire: Wire(
            device=f"st{number}-{place}"[:_NAME_MAX],
            near=f"{network}.{4 * place + 1}",
            far=f"{network}.{4 * place + 2}",
        )
        for place, wire in enumerate(WIRES)
    }
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        for wire in wires.values():
            _lay(name, wire)
        yield Island(name=name, wires=wires)
    finally:
        for wire in wires.values():
            with suppress(subprocess.CalledProcessError):  # the namespace may not have come so far
                _ip("link", "delete", wire.device)
        _ip("netns", "delete", name)


def _lay(name: str, wire: Wire) -> None:
    there = f"{wire.device}p"[-_NAME_MAX:]
    _ip("link", "add", wire.device, "type", "veth", "peer", "name", there, "netns", name)
    _ip("address", "add", f"{wire.near}/30", "dev", wire.device)
    _ip("-n", name, "address", "add", f"{wire.far}/30", "dev", there)
    _ip("link", "set", wire.device, "up")
    _ip("-n", name, "link", "set", there, "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
