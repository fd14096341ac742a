"""Forgetting the versions of a source that sent absurd ones, for the API and the console alike."""

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.sources import count_versions, forget_versions
from sendto_dispatcher.store.tokens import Bearer


async def count_reset(database: Database, source: str, *, above: int) -> int:
    """How many orders a reset would concern."""
    async with database.connection() as connection:
        return await count_versions(connection, source, above=above)


async def reset(database: Database, bearer: Bearer, source: str, *, above: int) -> int:
    """Forget versions above a number: of how many orders.

    In steps, so that the intake hardly waits; repeated after a crash it goes on with what is left.
    """
    async with database.transaction() as connection:
        counted = await count_versions(connection, source, above=above)
        target = {"source": source, "above": above, "orders": counted}
        await record_change(connection, bearer.name, "source reset", target)
    orders, after, forgotten = 0, 0, 1
    while forgotten:

        async def step(connection: Connection, after: int = after) -> tuple[int, int]:
            return await forget_versions(connection, source, above=above, after_order_id=after)

        forgotten, after = await database.in_transaction(step)
        orders += forgotten
    return orders
