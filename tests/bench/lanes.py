"""Lanes made without events: what a backlog, or a full table, looks like to the engine."""

import asyncpg

from bench.topic import event_body

_STATES = """
INSERT INTO order_state (order_id, source, carried, version, present, customer, order_snapshot, event_id, occurred_at,
    route, providers)
SELECT n, '/shop/upstream', true, 1, true, $1::text::jsonb -> 'customer', $1::text::jsonb -> 'order', n::text, now(),
    'default', ARRAY['bench']
FROM generate_series($2::bigint, $3::bigint) AS n
"""
_LANES = """
INSERT INTO lane (provider, source, order_id, reference, desired_generation, desired_carried, desired_version,
    desired_present, applied_generation, applied_present, due_at, behind_since)
SELECT 'bench', '/shop/upstream', n, n::text, g.now_ms, true, 1, true, CASE WHEN $3 THEN 0 ELSE g.now_ms END, NOT $3,
    CASE WHEN $3 THEN clock_timestamp() END, CASE WHEN $3 THEN clock_timestamp() END
FROM generate_series($1::bigint, $2::bigint) AS n,
    (SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms) AS g
"""
_TIMEOUT_S = 1_200.0


async def make_due(database_url: str, orders: int, *, first: int = 1, due: bool = True) -> None:
    """One order state and one lane for each of `orders` orders, due or converged."""
    connection = await asyncpg.connect(database_url)
    try:
        last = first + orders - 1
        await connection.execute(_STATES, event_body(1, 1).decode(), first, last, timeout=_TIMEOUT_S)
        await connection.execute(_LANES, first, last, due, timeout=_TIMEOUT_S)
        await connection.execute("ANALYZE lane, order_state", timeout=_TIMEOUT_S)
    finally:
        await connection.close()
