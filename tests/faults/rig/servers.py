"""A PostgreSQL and a Kafka that faults may kill, cut off, fill up, and set another clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from faults.rig.clocks import Clock
from faults.rig.disk import Disk
from faults.rig.surroundings import Surroundings
from infra.servers import OwnKafka, OwnPostgres


class Servers:
    """Both servers, by name.

    Args:
        clock: PostgreSQL's, where it has one of its own.
        disk: under PostgreSQL, where it has one of its own.
    """

    def __init__(
        self, postgres: OwnPostgres, kafka: OwnKafka, *, clock: Clock | None = None, disk: Disk | None = None
    ) -> None:
        self.postgres = postgres
        self.kafka = kafka
        self.clock = clock
        self.disk = disk
        self._own: dict[str, OwnPostgres | OwnKafka] = {"postgres": postgres, "kafka": kafka}

    async def kill(self, name: str) -> None:
        """End a server as a power failure would."""
        await asyncio.to_thread(self._own[name].kill)

    async def start(self, name: str) -> None:
        """Start it again and wait until it answers."""
        await self._own[name].come_back()


@asynccontextmanager
async def own_servers(folder: Path, around: Surroundings) -> AsyncIterator[Servers]:
    """Run both for a block; PostgreSQL in the folder `postgres`, which may be a disk of its own."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    clock = around.clock(folder / "postgres.clock")
    wires = around.island.wires if around.island else None
    with (
        OwnPostgres(
            folder / "postgres",
            near=wires["postgres"].near if wires else None,
            env=clock.env if clock else None,
        ).running() as postgres,
        OwnKafka(folder / "kafka", near=wires["kafka"].near if wires else None).running() as kafka,
    ):
        yield Servers(postgres, kafka, clock=clock, disk=around.disk)
