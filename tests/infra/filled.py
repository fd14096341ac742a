"""A dispatcher's database with many lanes in every state, and the history that belongs to them."""

from infra.postgres import take_your_time
from sendto.runtime.database import DirectConnection

_LONG_S = 1_200

_STATES = """
INSERT INTO order_state (order_id, source, carried, version, present, customer, order_snapshot, event_id, occurred_at,
    route, providers)
SELECT n, '/shop/upstream', true, 1, true,
    jsonb_build_object('first_name', 'Ada', 'last_name', 'Lovelace', 'email', 'ada' || n || '@shop.test'),
    '{"order_type": "delivery"}', 'event', now(), 'default', '{sandbox}'
FROM generate_series(1, $1::int) n
"""
# Most are converged; of each provider some are due, some wait, some hang, some rest, and some are unconfirmed.
# One provider has a few lanes only, far apart.
_LANES = """
INSERT INTO lane (provider, source, order_id, reference, desired_generation, desired_carried, desired_version,
    desired_present, applied_generation, applied_carried, applied_version, applied_present, remote, digest, due_at,
    hanging, resting, reason, attempts, behind_since, unconfirmed)
SELECT CASE WHEN n % 100000 = 7 THEN 'rare' WHEN n % 5 = 0 THEN 'sandbox' ELSE 'provider ' || n % 5 END,
    '/shop/upstream', n, n::text, 1000, true, 1, true, CASE WHEN n % 100 < 90 THEN 1000 ELSE 0 END, true, 1, true,
    'r-' || n, '\\x00', CASE WHEN n % 100 >= 95 THEN now() + (n % 7200 - 3600) * interval '1 second' END,
    n % 1000 = 995, CASE n % 100 WHEN 90 THEN 'dead' WHEN 91 THEN 'shadow' END,
    CASE WHEN n % 100 = 90 THEN 'http_422' END, n % 3, CASE WHEN n % 100 >= 90 THEN now() END, n % 100 = 80
FROM generate_series(1, $1::int) n
"""
_REFERENCES = """
INSERT INTO lane_reference (provider, reference, source, order_id)
SELECT provider, reference, source, order_id FROM lane WHERE $1::int > 0
"""
_ATTEMPTS = """
INSERT INTO attempt (lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome,
    requests, lease_token, replica, started_at, duration_ms, settled)
SELECT n, 'sandbox', '/shop/upstream', n, 1000, true, 1, 'create', 1, 'applied', 1, gen_random_uuid(), 'one',
    now() - ($1::int - n) * interval '1 second', 5, true
FROM generate_series(1, $1::int) n
"""
_EVENTS = """
INSERT INTO intake_event (source, order_id, event_id, type, carried, version, topic, partition, record_offset, verdict,
    route, taken_at)
SELECT '/shop/upstream', n, 'event', 'customer.updated', true, 1, 'events', 0, n, 'counted', 'default',
    now() - ($1::int - n) * interval '1 second'
FROM generate_series(1, $1::int) n
"""
_REJECTED = """
INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, source, order_id, reason, detail, record_value,
    record_headers, published_at)
SELECT 'cluster', 'events', 0, n, '/shop/upstream', n, 'json_invalid', '', '{', '[]',
    CASE WHEN n <= $1::int / 10 - 500 THEN now() END
FROM generate_series(1, $1::int / 10) n
"""
_TOLD = """
INSERT INTO delivery_event (event_id, type, order_id, data, published_at)
SELECT gen_random_uuid(), 'delivery.applied', n, '{}', CASE WHEN n <= $1::int / 10 - 500 THEN now() END
FROM generate_series(1, $1::int / 10) n
"""
_CHANGES = """
INSERT INTO ops_change (token_name, action, target, lanes)
SELECT 'eve', 'retry', jsonb_build_object('lane', n), 1 FROM generate_series(1, $1::int / 10) n
"""
_FILL = (_STATES, _LANES, _REFERENCES, _ATTEMPTS, _EVENTS, _REJECTED, _TOLD, _CHANGES)


async def fill(connection: DirectConnection, lanes: int) -> None:
    """Fill an empty database, and let PostgreSQL know what is in it."""
    await take_your_time(connection)
    for statement in _FILL:
        await connection.execute(statement, lanes, timeout=_LONG_S)
    await connection.execute("VACUUM ANALYZE", timeout=_LONG_S)
