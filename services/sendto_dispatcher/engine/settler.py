"""Settling in batches: outcomes of a few milliseconds, of all providers, become one change."""

import asyncio
from collections.abc import Callable
from functools import partial

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.failpoints import Point, reach
from sendto.runtime.logs import logger
from sendto_dispatcher.domain.settle import Policy
from sendto_dispatcher.store.settles import AttemptRecord, Settled, write_settles

_log = logger(__name__)

_FULL = 10
"""batches that may wait before claiming stops"""
_AWAY_PAUSE_S = 0.5


class Settler:
    """Collects finished attempts and writes them. An outcome is never dropped: without a database it waits."""

    def __init__(
        self,
        database: Database,
        policy_of: Callable[[str], Policy],
        on_settled: Callable[[list[AttemptRecord], Settled], None],
        *,
        replica: str,
        batch_lanes: int,
        linger_s: float,
        tell: bool = False,
    ) -> None:
        self._tell = tell
        self._database = database
        self._policy_of = policy_of
        self._on_settled = on_settled
        self._replica = replica
        self._batch_lanes = batch_lanes
        self._linger_s = linger_s
        self._queue: asyncio.Queue[AttemptRecord] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()

    def add(self, record: AttemptRecord) -> None:
        """Take a finished attempt."""
        self._queue.put_nowait(record)
        if self._queue.qsize() >= self._batch_lanes * _FULL:
            self._room.clear()

    async def room(self) -> None:
        """Wait while so much is unsettled that nothing more should be claimed."""
        await self._room.wait()

    async def run(self) -> None:
        """Settle until cancelled."""
        while True:
            batch = await self._collect()
            await self._write(batch)
            for _ in batch:
                self._queue.task_done()
            if self._queue.qsize() < self._batch_lanes * _FULL:
                self._room.set()

    async def flush(self) -> None:
        """Wait until everything that was added is settled."""
        await self._queue.join()

    async def _collect(self) -> list[AttemptRecord]:
        batch = [await self._queue.get()]
        if self._queue.qsize() < self._batch_lanes - 1:
            await asyncio.sleep(self._linger_s)
        while len(batch) < self._batch_lanes and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    async def _write(self, batch: list[AttemptRecord]) -> None:
        reach(Point.ENGINE_SETTLE)
        while batch:
            try:
                settled = await self._database.by_statements(partial(self._settle, batch))
            except DatabaseAway:
                _log.warning("settle_waits", lanes=len(batch), reason="database_away")
                await asyncio.sleep(_AWAY_PAUSE_S)
                continue
            reach(Point.ENGINE_SETTLED)
            moved = list(settled.moved)
            again = {record.finished.lease for record in moved}
            done = [record for record in batch if record.finished.lease not in again]
            self._on_settled(done, settled)
            batch = moved

    async def _settle(self, batch: list[AttemptRecord], connection: Connection) -> Settled:
        settled = await write_settles(connection, batch, self._policy_of, replica=self._replica, tell=self._tell)
        reach(Point.ENGINE_SETTLE_WRITTEN)
        return settled
