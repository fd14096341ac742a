"""Personal data of an order, for whoever may see it: that it was shown is written down with its being shown."""

from typing import Any

from sendto.runtime.database import Database
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.personal import customer_rows
from sendto_dispatcher.store.tokens import Bearer

Row = dict[str, Any]


async def shown_customers(database: Database, bearer: Bearer, order_id: int) -> list[Row]:
    """The customers of an order, by source; the caller has seen that the bearer has `personal:read`."""
    async with database.transaction() as connection:
        await record_change(connection, bearer.name, "personal data shown", {"order_id": order_id})
        return await customer_rows(connection, order_id)
