"""Applying the routes to all orders that are known already. Rules 2, 13 and 34 of the dispatcher's rules.

Routes are a process's, their effect is the fleet's: so whoever applies them names the digest of the configuration that
it means, and is refused while a live process has another one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from msgspec.structs import replace

from sendto.events.customer import OrderSnapshot
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.fold import OrderKnown
from sendto_dispatcher.store.intake_lanes import move_lanes
from sendto_dispatcher.store.routed_by import ROUTED_BY
from sendto_dispatcher.store.taking import IntakeRules, Key, Move

LIVE_S = 30.0
"""a process that was not heard for so long takes no events any more"""
_DIGESTS = """
SELECT DISTINCT config_digest FROM replica
WHERE heartbeat_at > clock_timestamp() - $1 * interval '1 second' ORDER BY 1
"""
_COLUMNS = f"""
SELECT s.order_id, s.source, s.carried, s.version, s.present, s.route, s.providers, {ROUTED_BY} AS routed_by
"""
# Read without a lock: of a million orders most stay where they are, and locking a row writes it.
_SOME = f"""
{_COLUMNS} FROM order_state s WHERE (order_id, source) > ($1, $2) ORDER BY order_id, source LIMIT $3
"""
_LOCK = f"""
{_COLUMNS} FROM order_state s JOIN unnest($1::bigint[], $2::text[]) AS k(order_id, source)
    ON k.order_id = s.order_id AND k.source = s.source
ORDER BY s.order_id, s.source FOR UPDATE OF s
"""
_ROUTE = """
UPDATE order_state s SET route = n.route, providers = string_to_array(n.providers, ',')
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n(order_id, source, route, providers)
WHERE s.order_id = n.order_id AND s.source = n.source
"""


class ConfigurationsDiffer(Exception):  # noqa: N818 - named for what happened
    """Live processes have other configurations than the one that was named; `digests` are theirs."""

    def __init__(self, named: str, digests: Collection[str]) -> None:
        super().__init__(f"{named} was named; live processes have {', '.join(sorted(digests)) or 'none'}")
        self.digests = frozenset(digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouted:
    """A step through the orders: how many were looked at and routed anew, lanes moved, and where to go on."""

    looked_at: int
    routed: int
    lanes: int
    after: Key | None
    """the last order of this step; None when there are no more"""


FIRST: Key = (0, "")


async def live_digests(connection: Connection) -> frozenset[str]:
    """The digests of the configurations that live processes have."""
    return frozenset(row["config_digest"] for row in await connection.fetch(_DIGESTS, LIVE_S))


async def reroute_some(
    connection: Connection,
    digest: str,
    rules: IntakeRules,
    after: Key = FIRST,
    *,
    limit: int = 500,
    room: Mapping[str, int] | None = None,
) -> Rerouted:
    """Route the next orders by these rules, in the caller's transaction.

    Orders that should hold a customer move: the lanes that they leave become absent, those that they reach present,
    each under a new generation; lanes that stay are left alone. Deleted orders keep their routes. A step ends before
    more lanes of a provider would become due than there is `room`; providers that are not in it have room without end.

    Raises:
        ConfigurationsDiffer: a live process has another configuration than the one of this digest, or none has it.
    """
    digests = await live_digests(connection)
    if digests != {digest}:
        raise ConfigurationsDiffer(digest, digests)
    keys = {_key(row): row for row in await connection.fetch(_SOME, *after, limit)}
    moving = [key for key, row in keys.items() if _routed(row, rules) is not None]
    rows = await _lock(connection, moving)
    routed, stopped_at = _route(rows, rules, dict(room or {}))
    await _write(connection, routed)
    looked_at = list(keys) if stopped_at is None else list(keys)[: list(keys).index(stopped_at)]
    last = looked_at[-1] if looked_at else after
    return Rerouted(
        looked_at=len(looked_at),
        routed=len(routed),
        lanes=await move_lanes(connection, routed, rules, only_moved=True),
        after=None if stopped_at is None and len(keys) < limit else last,
    )


async def _lock(connection: Connection, keys: Sequence[Key]) -> Sequence[asyncpg.Record]:
    """The orders as they are now, which is perhaps where they should be already."""
    if not keys:
        return []
    found: Sequence[asyncpg.Record] = await connection.fetch(
        _LOCK, [order_id for order_id, _ in keys], [source for _, source in keys]
    )
    return found


def _key(row: asyncpg.Record) -> Key:
    return row["order_id"], row["source"]


def routed_anew(routed_by: str | None, source: str, rules: IntakeRules) -> tuple[str, tuple[str, ...]]:
    """Route and providers of a known order by these rules."""
    snapshot = OrderSnapshot.model_validate_json(routed_by) if routed_by else None
    return rules.routing.route(snapshot, source)


def _route(
    rows: Sequence[asyncpg.Record], rules: IntakeRules, room: dict[str, int]
) -> tuple[dict[Key, Move], Key | None]:
    """The orders that are routed anew, and the first one for which a provider has no more room."""
    routed: dict[Key, Move] = {}
    for row in rows:
        state = _routed(row, rules)
        if state is None:
            continue
        moved = set(row["providers"]) ^ set(state.providers)
        if not _has_room(moved, room):
            return routed, _key(row)
        for provider in moved & room.keys():
            room[provider] -= 1
        routed[_key(row)] = Move(state=state)
    return routed, None


def _has_room(providers: Iterable[str], room: Mapping[str, int]) -> bool:
    return all(room.get(provider, 1) > 0 for provider in providers)


def _routed(row: asyncpg.Record, rules: IntakeRules) -> OrderKnown | None:
    """The order's state with its new route, None where the route is the same, or the customer is gone."""
    if not row["present"]:
        return None
    known = OrderKnown(
        carried=row["carried"],
        version=row["version"],
        present=row["present"],
        route=row["route"],
        providers=tuple(row["providers"]),
    )
    route, providers = routed_anew(row["routed_by"], row["source"], rules)
    newer = replace(known, route=route, providers=providers)
    return newer if newer != known else None


async def _write(connection: Connection, routed: dict[Key, Move]) -> None:
    if not routed:
        return
    states: Sequence[OrderKnown] = [move.state for move in routed.values()]
    await connection.execute(
        _ROUTE,
        [order_id for order_id, _ in routed],
        [source for _, source in routed],
        [state.route for state in states],
        [",".join(state.providers) for state in states],
    )
