"""Publishing again what a dispatcher may have lost: a window of the outbox as it was, or every order as it is now.

Of a window the stored events go out once more, with their ids and versions: what the dispatcher has is dropped as
repeated or stale. Of everything each order's version is raised and its current state told, a deletion where it has no
customer. Both go in small batches, each its own transaction, so that writers wait for none of them long; everything
goes on where it was cut short. The relay publishes.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from sendto.events.envelope import EventType
from sendto.runtime.database import Connection, Database
from sendto_api.orders.store import Found
from sendto_api.outbox import republish_store as store
from sendto_api.outbox.events import EventSettings, NewEvent, customer_event
from sendto_api.outbox.store import CHANNEL, depth

_BATCH_EVENTS = 1_000
_BATCH_ORDERS = 200
_MOST_WAITING = 5_000
_PAUSE_S = 0.2

Report = Callable[[int], None]
"""told how many are in the outbox again"""


async def republish_window(database: Database, window: timedelta, report: Report) -> int:
    """Publish again what was published within the last time; how many events."""
    async with database.connection() as connection:
        until = await store.database_time(connection)
        since = until - window
        next_id, _ = await store.window_of(connection, since, until)
    done = 0
    while next_id is not None:
        from_id = next_id

        async def again(connection: Connection, from_id: int = from_id) -> tuple[int | None, int]:
            return await store.mark_unpublished(connection, from_id, since, until, _BATCH_EVENTS)

        last_id, events = await database.in_transaction(again)
        done += events
        next_id = last_id + 1 if last_id is not None else None
        await _after_batch(database, report, done)
    return done


async def republish_everything(database: Database, settings: EventSettings, report: Report) -> int:
    """Tell every order's current state under a new version; how many orders. Goes on where it was cut short."""

    async def work(connection: Connection) -> int | None:
        return await _some_orders(connection, settings)

    done = 0
    while (orders := await database.in_transaction(work)) is not None:
        done = orders
        await _after_batch(database, report, done)
    return done


async def _some_orders(connection: Connection, settings: EventSettings) -> int | None:
    """One batch; how many orders are done in all, None when there were no more."""
    progress = await store.begin_or_go_on(connection)
    found = await store.claim_orders(connection, progress.after_order_id, _BATCH_ORDERS)
    if not found:
        await store.finish(connection, progress)
        return None
    await store.raise_and_tell(connection, progress, [_current(one, settings) for one in found])
    return progress.orders + len(found)


def _current(found: Found, settings: EventSettings) -> NewEvent:
    return customer_event(
        EventType.UPDATED if found.customer else EventType.DELETED,
        found.order,
        found.customer,
        version=found.next_version,
        now=found.now,
        changed=[],
        settings=settings,
        traceparent=None,
    )


async def _after_batch(database: Database, report: Report, done: int) -> None:
    """Wake the relay; wait while it is far behind, so that fresh changes do not queue behind old ones for long."""
    report(done)
    async with database.connection() as connection:
        await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
        while (await depth(connection)).events > _MOST_WAITING:  # noqa: ASYNC110 - the table cannot wake us
            await asyncio.sleep(_PAUSE_S)
