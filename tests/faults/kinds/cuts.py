"""What is between a process and its servers, or under them: the network, the disk."""

import asyncio
import random
from typing import ClassVar

from faults.kinds.fault import Fault, Field
from faults.rig.surroundings import Need

_CUTS = (("postgres",), ("kafka",), ("postgres", "kafka"))


class NetworkCut(Fault):
    """Whatever one dispatcher and PostgreSQL, or Kafka, or both, send each other is lost; no connection is reset."""

    kind: ClassVar[str] = "a network is cut"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.NETWORK})

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._wires = random_.choice(_CUTS)
        self.lasts_s = random_.uniform(2.0, 20.0)

    async def begin(self, field: Field) -> None:
        """Cut."""
        assert field.system.island
        for wire in self._wires:
            await asyncio.to_thread(field.system.island.cut, wire)

    async def end(self, field: Field) -> None:
        """Join."""
        assert field.system.island
        for wire in self._wires:
            await asyncio.to_thread(field.system.island.join, wire)

    def __str__(self) -> str:
        return f"{self.kind}: {' and '.join(self._wires)} for {self.lasts_s:.1f} s"


class DiskFull(Fault):
    """PostgreSQL's disk is full, or soon is; whoever ends because of that is started again once there is room."""

    kind: ClassVar[str] = "the disk is full"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DISK})

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._left_mib = random_.uniform(0.0, 8.0)
        self.lasts_s = random_.uniform(5.0, 15.0)

    async def begin(self, field: Field) -> None:
        """Fill it."""
        assert field.servers.disk
        await asyncio.to_thread(field.servers.disk.fill, self._left_mib)

    async def end(self, field: Field) -> None:
        """Make room."""
        assert field.servers.disk
        await asyncio.to_thread(field.servers.disk.make_room)
        await field.servers.start("postgres")

    def __str__(self) -> str:
        return f"{self.kind} but for {self._left_mib:.1f} MiB for {self.lasts_s:.1f} s"
