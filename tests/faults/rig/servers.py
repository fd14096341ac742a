"""A PostgreSQL and a Kafka that faults may kill."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.servers import OwnKafka, OwnPostgres


class Servers:
    """Both servers, by name."""

    def __init__(self, postgres: OwnPostgres, kafka: OwnKafka) -> None:
        self.postgres = postgres
        self.kafka = kafka
        self._own: dict[str, OwnPostgres | OwnKafka] = {"postgres": postgres, "kafka": kafka}

    async def kill(self, name: str) -> None:
        """End a server as a power failure would."""
        await asyncio.to_thread(self._own[name].kill)

    async def start(self, name: str) -> None:
        """Start it again and wait until it answers."""
        await self._own[name].come_back()


@asynccontextmanager
async def own_servers(folder: Path) -> AsyncIterator[Servers]:
    """Run both for a block."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with OwnPostgres(folder / "postgres").running() as postgres, OwnKafka(folder / "kafka").running() as kafka:
        yield Servers(postgres, kafka)
