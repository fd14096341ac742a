"""Publishing on Kafka from rows: what was committed with a change reaches its topic, sooner or later, at least once.

Without Kafka the rows wait, and nothing else does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.kafka import client_options, undisturbed
from sendto.runtime.logs import logger
from sendto.runtime.settings import KafkaSettings

_log = logger(__name__)

_BATCH = 100
_POLL_S = 0.5
_AWAY_PAUSE_S = 2.0
_SEND_TIMEOUT_S = 5.0
"""shorter than PostgreSQL lets a transaction idle"""
MAX_REQUEST_BYTES = 1_048_576


class Row(Protocol):
    """A row that waits to be published."""

    @property
    def id(self) -> int:
        """Its number; rows are published in its order."""


R = TypeVar("R", bound=Row)


class RowPublisher:
    """Publishes rows until it is stopped.

    Args:
        database: where the rows are.
        kafka: where they go.
        name: of the rows, for logs and as the client's name.
        lock: the oldest rows that are not published, locked.
        send: sends one of them; waits until it is written.
        mark: they are published.
    """

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        name: str,
        *,
        lock: Callable[[Connection, int], Awaitable[Sequence[R]]],
        send: Callable[[AIOKafkaProducer, R], Awaitable[object]],
        mark: Callable[[Connection, Sequence[int]], Awaitable[None]],
    ) -> None:
        self._database = database
        self._kafka = kafka
        self._name = name
        self._lock: Callable[[Connection, int], Awaitable[Sequence[Any]]] = lock
        self._send: Callable[[AIOKafkaProducer, Any], Awaitable[object]] = send
        self._mark = mark

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                await self._run_connected()
            except (KafkaError, DatabaseAway, OSError, TimeoutError) as error:
                _log.warning("publishing_waits", rows=self._name, error=type(error).__name__)
            await asyncio.sleep(_AWAY_PAUSE_S)

    async def _run_connected(self) -> None:
        producer = AIOKafkaProducer(
            **client_options(self._kafka, client_id=f"sendto-dispatcher-{self._name}"),
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await undisturbed(producer.start())
            while True:
                if not await self.run_once(producer):
                    await asyncio.sleep(_POLL_S)
        finally:
            await undisturbed(producer.stop())

    async def run_once(self, producer: AIOKafkaProducer) -> int:
        """Publish some; how many."""

        async def work(connection: Connection) -> int:
            rows = await self._lock(connection, _BATCH)
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                for row in rows:
                    await self._send(producer, row)
            if rows:
                await self._mark(connection, [row.id for row in rows])
            return len(rows)

        return await self._database.in_transaction(work)
