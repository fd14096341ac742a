"""How many known orders other routes would move, and from where to where: counted in stretches, each a short read.

Orders that the routes cannot tell apart are counted by the database as one group, so that a million of them cost a
few thousand decisions.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sendto.runtime.database import Connection
from sendto_dispatcher.store.reroute import FIRST, routed_anew
from sendto_dispatcher.store.routed_by import ROUTED_BY
from sendto_dispatcher.store.taking import IntakeRules, Key

_STRETCH = 10_000
_END = """
SELECT order_id, source FROM order_state WHERE (order_id, source) > ($1, $2)
ORDER BY order_id, source OFFSET $3 LIMIT 1
"""
_LAST = "SELECT order_id, source FROM order_state ORDER BY order_id DESC, source DESC LIMIT 1"
# Both ends are known; the order and the limit say to PostgreSQL that they are near each other.
_GROUPS = f"""
SELECT source, present, providers, CASE WHEN present THEN {ROUTED_BY} END AS routed_by, count(*) AS orders
FROM (
    SELECT source, present, providers, order_snapshot FROM order_state
    WHERE (order_id, source) > ($1, $2) AND (order_id, source) <= ($3, $4)
    ORDER BY order_id, source LIMIT {2 * _STRETCH}
) AS stretch GROUP BY 1, 2, 3, 4
"""

Ways = tuple[tuple[str, ...], tuple[str, ...]]
"""the providers that an order leaves, and those that it reaches"""


@dataclass(frozen=True, slots=True)
class RouteCount:
    """Known orders, deleted ones included, and those that would move, by the ways that they go."""

    known: int
    moves: Counter[Ways]

    @property
    def orders(self) -> int:
        """How many would move."""
        return self.moves.total()


async def count_moves(connection: Connection, rules: IntakeRules) -> RouteCount:
    """Count what applying these rules would move; changes nothing, holds nothing for long."""
    known, moves = 0, Counter[Ways]()
    async for after, until in _stretches(connection):
        for row in await connection.fetch(_GROUPS, *after, *until):
            known += row["orders"]
            if not row["present"]:
                continue
            _, providers = routed_anew(row["routed_by"], row["source"], rules)
            leaves, reaches = set(row["providers"]) - set(providers), set(providers) - set(row["providers"])
            if leaves or reaches:
                moves[tuple(sorted(leaves)), tuple(sorted(reaches))] += row["orders"]
    return RouteCount(known, moves)


async def _stretches(connection: Connection) -> AsyncIterator[tuple[Key, Key]]:
    after = FIRST
    while (end := await connection.fetchrow(_END, *after, _STRETCH - 1)) is not None:
        until = (end["order_id"], end["source"])
        yield after, until
        after = until
    last = await connection.fetchrow(_LAST)
    if last is not None and (last["order_id"], last["source"]) > after:
        yield after, (last["order_id"], last["source"])
