"""Applying the routes to all known orders: counted, begun and cancelled, for the API and the console alike."""

from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.domain.verdict import time_told
from sendto_dispatcher.ops.configured import Configured, Current
from sendto_dispatcher.store import reroutes as store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.reroute import live_digests
from sendto_dispatcher.store.route_count import RouteCount, count_moves
from sendto_dispatcher.store.tokens import Bearer

Row = dict[str, Any]


class RouteActions:
    """Acts for a bearer whose permission was asked for before; what is refused is an HTTPException."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def count(self) -> tuple[Configured, RouteCount]:
        """What applying the routes of this process would move, and the configuration that was counted by."""
        current = self._current()
        async with self._database.connection() as connection:
            return current, await count_moves(connection, current.rules)

    async def begin(self, bearer: Bearer, digest: str, expected: int | None) -> Row:
        """Begin, unless the processes differ, or more orders would move by now than were expected (rule 34)."""
        current, counted = await self.count()
        if current.digest != digest:
            raise _conflict(f"the configuration in force is {current.digest}, not {digest}: count anew")
        if expected is not None and counted.orders > expected:
            raise _conflict(f"{counted.orders} orders would move by now, more than the {expected} that were counted")
        try:
            async with self._database.transaction() as connection:
                await _must_agree(connection, digest)
                row = await store.begin_reroute(connection, digest, counted, by=bearer.name)
                target = {"routes": row["id"], "digest": digest, "orders": counted.orders}
                await record_change(connection, bearer.name, "routes applied", target)
        except store.AlreadyUnderWay:
            raise _conflict("the routes are being applied already") from None
        return row

    async def cancel(self, bearer: Bearer, run_id: int) -> Row:
        """End it where it is: orders that have moved stay where they are."""
        async with self._database.transaction() as connection:
            before = await run_of(connection, run_id)
            if not await store.end_reroute(connection, run_id, cancelled_by=bearer.name):
                raise _conflict(f"it has ended already, at {time_told(before['ended_at'])}")
            target = {"routes": run_id, "orders": before["orders"] - before["routed"]}
            await record_change(connection, bearer.name, "routes cancelled", target)
            return await run_of(connection, run_id)


async def run_of(connection: Connection, run_id: int) -> Row:
    """One application of the routes; answers 404 where there is none."""
    row = await store.reroute_row(connection, run_id)
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"the routes were not applied under number {run_id}")
    return row


async def _must_agree(connection: Connection, digest: str) -> None:
    others = await live_digests(connection) - {digest}
    if others:
        words = f"live processes have other configurations ({', '.join(sorted(others))}): reload them first"
        raise _conflict(words)


def _conflict(words: str) -> HTTPException:
    return HTTPException(HTTPStatus.CONFLICT, words)
