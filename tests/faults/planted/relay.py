"""Bugs of the relay."""

from typing import Any

from faults.planted.intake import replace_method
from faults.planted.replacing import replace

from sendto.runtime.failpoints import Point, reach
from sendto_api.outbox import relay, store


def outbox_above_a_high_water_mark() -> None:
    """The relay reads what has a higher id than all it has seen."""
    mark = 0

    def make(original: Any) -> Any:
        async def above(connection: Any, limit: int) -> Any:
            nonlocal mark
            rows = [row for row in await original(connection, limit) if row["id"] > mark]
            mark = max([mark, *(row["id"] for row in rows)])
            return rows

        return above

    replace(store, "unpublished", make)


def marked_before_sent() -> None:
    """Events are marked as published, then sent."""

    def make(original: Any) -> Any:
        async def send(self: relay.Relay, producer: Any, rows: Any) -> None:
            async with self._database.connection() as connection:
                await store.mark_published(connection, [row["id"] for row in rows])
            reach(Point.RELAY_MARKED)
            await original(self, producer, rows)

        return send

    replace_method(relay.Relay, "_send", make)


BUGS = {
    "outbox_above_a_high_water_mark": outbox_above_a_high_water_mark,
    "marked_before_sent": marked_before_sent,
}
