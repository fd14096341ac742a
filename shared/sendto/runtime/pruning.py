"""Pruning: rows that are older than the settings say are deleted in small steps, by one process at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from prometheus_client import Counter

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.logs import logger

_log = logger(__name__)

STEP_ROWS = 5_000
"""the most rows that one step looks at"""
_EVERY_S = 60.0
_PAUSE_S = 0.05
_TURN = "SELECT pg_try_advisory_xact_lock($1)"

PRUNED = Counter("sendto_pruned_rows_total", "Rows that were deleted because they were old.", ["table"])


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did; `more`: another one may find something."""

    deleted: int
    more: bool


Prune = Callable[[Connection], Awaitable[Step]]
"""Takes the next step in the caller's transaction; after the last one of a round it begins anew."""


class Pruner:
    """Deletes what is old, round after round, until it is stopped.

    Args:
        database: where the tables are.
        lock: number of the advisory lock; who holds it takes a step, in the transaction that it lasts.
        tables: how each is pruned.
    """

    def __init__(self, database: Database, lock: int, tables: Mapping[str, Prune]) -> None:
        self._database = database
        self._lock = lock
        self._tables = tables

    async def run(self, every_s: float = _EVERY_S) -> None:
        """Prune until cancelled."""
        while True:
            try:
                await self.run_once()
            except DatabaseAway:
                _log.info("not_pruned", reason="the database is away")
            await asyncio.sleep(every_s)

    async def run_once(self) -> dict[str, int]:
        """Take one round; how many rows of each table are gone."""
        return {table: await self._prune(table, prune) for table, prune in self._tables.items()}

    async def _prune(self, table: str, prune: Prune) -> int:
        async def work(connection: Connection) -> Step:
            if not await connection.fetchval(_TURN, self._lock):
                return Step(0, more=False)
            return await prune(connection)

        deleted, more = 0, True
        while more:
            step = await self._database.in_transaction(work)
            deleted, more = deleted + step.deleted, step.more
            PRUNED.labels(table).inc(step.deleted)
            await asyncio.sleep(_PAUSE_S if more else 0)
        if deleted:
            _log.info("pruned", table=table, rows=deleted)
        return deleted


def oldest_first(table: str, condition: str, keep_s: float, *, key: str = "id") -> Prune:
    """Prunes a table whose keys rise with time: a step looks at the lowest keys and at nothing else.

    Args:
        table: its name, as it stands in SQL.
        condition: what makes a row old; `{cutoff}` in it is the moment before which rows are.
        keep_s: how long rows are kept.
        key: its primary key.
    """
    # An array, because PostgreSQL joins rows that it knows little of by reading the whole table.
    cutoff = "(now() - $1 * interval '1 second')"
    statement = f"""
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT place FROM (SELECT ctid AS place, * FROM {table} ORDER BY {key} LIMIT {STEP_ROWS}) AS oldest
            WHERE {condition.format(cutoff=cutoff)}))
    """  # noqa: S608 - the words are the callers' own

    async def prune(connection: Connection) -> Step:
        status: str = await connection.execute(statement, keep_s)
        deleted = int(status.rsplit(maxsplit=1)[-1])
        return Step(deleted, more=deleted > 0)

    return prune
