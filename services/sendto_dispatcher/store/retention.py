"""Pruning the dispatcher's tables: history, and the states of orders that have not changed for long.

Nothing goes that convergence needs. Lanes stay: they know what each provider holds and which references are spent, and
hold no personal data. An order's state goes only once all its lanes are at rest, and not before the topic and the
outbox have forgotten every event that is older than it: those would count as new.
"""

from datetime import UTC, datetime

from sendto.runtime.database import Connection
from sendto.runtime.pruning import Prune, Step, oldest_first

LOCK = 0x7072756E65  # "prune"

_STEP_ORDERS = 1_000
# A lane that will be served again, or may be, needs its order's state. One that rests as unsupported never is.
_UNSETTLED = """
SELECT FROM lane l WHERE l.order_id = s.order_id AND l.source = s.source
    AND (l.due_at IS NOT NULL OR l.in_doubt OR l.unconfirmed OR coalesce(l.resting, 'unsupported') <> 'unsupported')
"""
_PRUNE_STATES = f"""
WITH oldest AS MATERIALIZED (
    SELECT ctid AS place, order_id, source, changed_at FROM order_state
    WHERE changed_at >= $1 AND (changed_at, order_id, source) > ($1, $2, $3)
        AND changed_at < now() - $4 * interval '1 second'
    ORDER BY changed_at, order_id, source LIMIT {_STEP_ORDERS} FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM order_state s WHERE ctid = ANY(ARRAY(SELECT place FROM oldest)) AND NOT EXISTS ({_UNSETTLED})
    RETURNING order_id
)
SELECT changed_at, order_id, source, (SELECT count(*) FROM oldest) AS seen, (SELECT count(*) FROM gone) AS deleted
FROM oldest ORDER BY changed_at DESC, order_id DESC, source DESC LIMIT 1
"""


class OrderStates:
    """Prunes order states; walks past those that must stay, and begins anew each round."""

    _START = (datetime(1970, 1, 1, tzinfo=UTC), 0, "")

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._after = self._START

    async def prune(self, connection: Connection) -> Step:
        """Take the next step in the caller's transaction."""
        row = await connection.fetchrow(_PRUNE_STATES, *self._after, self._keep_s)
        more = row is not None and row["seen"] == _STEP_ORDERS
        self._after = (row["changed_at"], row["order_id"], row["source"]) if row and more else self._START
        return Step(row["deleted"] if row else 0, more=more)


def prunes(
    *, attempts_s: float, events_s: float, delivery_events_s: float, rejected_events_s: float, order_states_s: float
) -> dict[str, Prune]:
    """How each table is pruned, by how long its rows are kept."""
    published = "published_at < {cutoff}"
    return {
        "attempt": oldest_first("attempt", "started_at < {cutoff}", attempts_s),
        "intake_event": oldest_first("intake_event", "taken_at < {cutoff}", events_s),
        "delivery_event": oldest_first("delivery_event", published, delivery_events_s),
        "rejected_event": oldest_first(
            "rejected_event", f"rejected_at < {{cutoff}} AND {published}", rejected_events_s
        ),
        "order_state": OrderStates(order_states_s).prune,
    }
