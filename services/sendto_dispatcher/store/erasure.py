"""Forgetting a person: from order states, kept bodies and rejected events. Rules 1, 2, 13 and 18.

The lanes become absent under a new generation, so that every provider forgets as well. The versions stay: what upstream
publishes later counts, what it published before does not come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.fold import OrderKnown
from sendto_dispatcher.store.intake_lanes import move_lanes
from sendto_dispatcher.store.taking import IntakeRules, Key, Move

_OF_PERSON = """
SELECT order_id, source FROM order_state
WHERE customer IS NOT NULL AND lower(customer->>'email') = lower($1)
ORDER BY order_id, source
"""
_LOCK = """
SELECT s.order_id, s.source, s.carried, s.version, s.route, s.providers
FROM order_state s JOIN unnest($1::bigint[], $2::text[]) AS k(order_id, source)
    ON k.order_id = s.order_id AND k.source = s.source
ORDER BY s.order_id, s.source FOR UPDATE OF s
"""
_FORGET_STATES = """
UPDATE order_state s SET present = false, customer = NULL, order_snapshot = NULL, changed_at = now()
FROM unnest($1::bigint[], $2::text[]) AS k(order_id, source)
WHERE k.order_id = s.order_id AND k.source = s.source
    AND (s.present OR s.customer IS NOT NULL OR s.order_snapshot IS NOT NULL)
"""
# The generation that was sent stays known, so that the lane knows that a create may have arrived.
_FORGET_KEPT = """
UPDATE lane l SET kept_body = NULL
FROM unnest($1::bigint[], $2::text[]) AS k(order_id, source)
WHERE k.order_id = l.order_id AND k.source = l.source AND l.kept_body IS NOT NULL
"""
_FORGET_REJECTED = """
DELETE FROM rejected_event r
USING unnest($1::bigint[], $2::text[]) AS k(order_id, source)
WHERE k.order_id = r.order_id AND (r.source IS NULL OR r.source = k.source)
"""
# Records are bytes of any kind: they are compared as text in which what is no ASCII is escaped.
_HOLDS = "position(lower(encode(convert_to(t.text, 'UTF8'), 'escape')) IN lower(encode({bytes}, 'escape'))) > 0"
_FORGET_NAMING = f"""
DELETE FROM rejected_event r
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS t(text)
    WHERE {_HOLDS.format(bytes="r.record_value")} OR {_HOLDS.format(bytes="r.record_key")}
        OR EXISTS (SELECT FROM jsonb_array_elements(r.record_headers) AS h(header)
            WHERE {_HOLDS.format(bytes="decode(header->>1, 'base64')")}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was forgotten."""

    states: int
    lanes: int
    """lanes that will be made absent at their providers"""
    kept_bodies: int
    rejected: int


async def orders_of(connection: Connection, email: str) -> list[Key]:
    """The orders whose customer has this email address, in small letters or capitals."""
    rows = await connection.fetch(_OF_PERSON, email)
    return [(row["order_id"], row["source"]) for row in rows]


async def erase(connection: Connection, keys: Sequence[Key], rules: IntakeRules, texts: Sequence[str] = ()) -> Erased:
    """Forget the customers of these orders, in the caller's transaction.

    Args:
        connection: in a transaction.
        keys: order id and source of each.
        rules: the configuration.
        texts: rejected events that hold one of them are forgotten, too, in small letters or capitals: the person's
            email address, say.
    """
    order_ids, sources = [order_id for order_id, _ in keys], [source for _, source in keys]
    rows = await connection.fetch(_LOCK, order_ids, sources)
    moves = {
        (row["order_id"], row["source"]): Move(
            state=OrderKnown(
                carried=row["carried"],
                version=row["version"],
                present=False,
                route=row["route"],
                providers=tuple(row["providers"]),
            )
        )
        for row in rows
    }
    states = _count(await connection.execute(_FORGET_STATES, order_ids, sources))
    lanes = await move_lanes(connection, moves, rules)
    kept_bodies = _count(await connection.execute(_FORGET_KEPT, order_ids, sources))
    rejected = _count(await connection.execute(_FORGET_REJECTED, order_ids, sources))
    if naming := [one for one in texts if one]:  # reads every rejected event
        rejected += _count(await connection.execute(_FORGET_NAMING, naming))
    return Erased(states=states, lanes=lanes, kept_bodies=kept_bodies, rejected=rejected)


def _count(status: str) -> int:
    return int(status.rsplit(maxsplit=1)[-1])
