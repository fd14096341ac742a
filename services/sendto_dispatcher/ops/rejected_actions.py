"""Taking rejected events again after a fix, and looking at their bytes, for the API and the console alike."""

from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.moves import wake_engines
from sendto_dispatcher.store import rejected_listing as store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.personal import rejected_record
from sendto_dispatcher.store.taking_again import Again, take_again
from sendto_dispatcher.store.tokens import Bearer

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakenAgain:
    """What became of a stretch of rejected events."""

    verdicts: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[int, str]] = field(default_factory=list)
    """those that stay rejected, and why"""
    next_after: int | None = None
    """where to go on; None at the end"""


class RejectedActions:
    """Acts for a bearer whose permission was asked for before; what is refused is an HTTPException."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def take_one(self, bearer: Bearer, rejected_id: int) -> Again:
        """Take one event again."""

        async def work(connection: Connection) -> Again:
            await self._must_be_there(connection, rejected_id)
            again = await self._take(connection, rejected_id)
            if again.refused is None:
                target = {"rejected": rejected_id, "order_id": again.order_id, "verdict": again.verdict}
                await record_change(connection, bearer.name, "rejected event taken", target, lanes=again.lanes)
            return again

        again = await self._database.in_transaction(work)
        if again.refused is not None:
            raise HTTPException(HTTPStatus.CONFLICT, again.refused)
        await wake_engines(self._database)
        return again

    async def take_some(self, bearer: Bearer, chosen: store.Chosen, *, after: int, limit: int) -> TakenAgain:
        """Take the next chosen events, the oldest first, so that each order's find their place one after the other."""
        async with self._database.transaction() as connection:
            ids = await store.next_rejected(connection, chosen, after_id=after, limit=limit)
            if ids:
                target = {"reason": chosen.reason, "source": chosen.source, "first": ids[0], "events": len(ids)}
                await record_change(connection, bearer.name, "rejected events taken", target)
        taken = TakenAgain(next_after=ids[-1] if len(ids) == limit else None)
        for rejected_id in ids:

            async def work(connection: Connection, rejected_id: int = rejected_id) -> Again:
                return await self._take(connection, rejected_id)

            again = await self._database.in_transaction(work)
            if again.verdict is not None:
                taken.verdicts[again.verdict] += 1
            else:
                taken.refused.append((rejected_id, again.refused or ""))
        if taken.verdicts:
            await wake_engines(self._database)
        return taken

    async def record(self, bearer: Bearer, rejected_id: int) -> tuple[Row, Row | None]:
        """A rejected event with its bytes as text; that they were shown is written down."""
        async with self._database.transaction() as connection:
            row = await self._must_be_there(connection, rejected_id)
            await record_change(connection, bearer.name, "personal data shown", {"rejected": rejected_id})
            return row, await rejected_record(connection, rejected_id)

    async def _take(self, connection: Connection, rejected_id: int) -> Again:
        current = self._current()
        return await take_again(connection, rejected_id, current.rules, current.decode)

    @staticmethod
    async def _must_be_there(connection: Connection, rejected_id: int) -> Row:
        row = await store.rejected_row(connection, rejected_id)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no rejected event {rejected_id}")
        return row
