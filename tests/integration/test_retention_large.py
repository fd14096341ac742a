"""Among a million rows a step of pruning reads as many as it may delete, and no more."""

from collections.abc import Mapping
from typing import Any

import pytest
from infra.postgres import take_your_time

from sendto.runtime.database import Connection, Database
from sendto.runtime.pruning import Prune
from sendto_api.http.idempotency import prune_answers
from sendto_api.outbox.store import prune_published
from sendto_dispatcher.store.retention import prunes

pytestmark = pytest.mark.large

ROWS = 1_000_000
DAY_S = 86_400
AGES = {"old": "interval '2 days'", "young": "interval '1 hour'"}
FILLS = {
    "attempt": """
        INSERT INTO attempt (lane_id, provider, source, order_id, generation, carried, version, operation, number,
            outcome, requests, lease_token, replica, started_at, duration_ms, settled)
        SELECT n, 'p', '/s', n, 1, true, 1, 'create', 1, 'applied', 1, gen_random_uuid(), 'r',
            now() - {age} + n * interval '1 microsecond', 1, true FROM generate_series(1, $1::int) n""",
    "intake_event": """
        INSERT INTO intake_event (source, order_id, event_id, type, carried, version, topic, partition, record_offset,
            verdict, taken_at)
        SELECT '/s', n, 'e', 't', true, 1, 't', 0, n, 'counted', now() - {age} FROM generate_series(1, $1::int) n""",
    "delivery_event": """
        INSERT INTO delivery_event (event_id, type, order_id, data, published_at)
        SELECT gen_random_uuid(), 't', n, '{{}}', now() - {age} FROM generate_series(1, $1::int) n""",
    "rejected_event": """
        INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, reason, detail, record_headers,
            rejected_at, published_at)
        SELECT 'c', 't', 0, n, 'r', '', '[]', now() - {age}, now() - {age} FROM generate_series(1, $1::int) n""",
    "order_state": """
        INSERT INTO order_state (order_id, source, carried, version, present, event_id, occurred_at, route, providers,
            changed_at)
        SELECT n, '/s', true, 1, true, 'e', now(), 'default', '{{p}}', now() - {age} + n * interval '1 microsecond'
        FROM generate_series(1, $1::int) n""",
    "outbox": """
        INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value, published_at)
        SELECT n, gen_random_uuid(), 't', 1, now(), '{{}}', now() - {age} FROM generate_series(1, $1::int) n""",
    "idempotency_key": """
        INSERT INTO idempotency_key (token_id, method, path, key, request_hash, status, body, created_at)
        SELECT '00000000-0000-7000-8000-000000000000', 'POST', '/v3/orders', n::text, '', 201, '',
            now() - {age} + n * interval '1 microsecond' FROM generate_series(1, $1::int) n""",
}
API: Mapping[str, Prune] = {"outbox": prune_published(DAY_S), "idempotency_key": prune_answers(DAY_S)}
MOST_READ = 12_000
"""rows: what a step looks at, on the way and as itself, and few more"""


def _prunes() -> dict[str, Prune]:
    named = ("attempts_s", "events_s", "delivery_events_s", "rejected_events_s", "order_states_s")
    return prunes(**dict.fromkeys(named, DAY_S)) | dict(API)


async def _read(connection: Connection, table: str) -> int:
    """The rows of a table that this transaction has read, by scans and through indexes."""
    statement = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = $1"
    return int(await connection.fetchval(statement, table))


@pytest.mark.parametrize("age", list(AGES))
@pytest.mark.parametrize("table", list(FILLS))
async def test_a_step_is_bounded(table: str, age: str, api_database: Database, dispatch_database: Database) -> None:
    database = api_database if table in API else dispatch_database
    async with database.connection() as connection:
        await take_your_time(connection)
        await connection.execute(FILLS[table].format(age=AGES[age]), ROWS, timeout=600)
        await connection.execute(f'VACUUM ANALYZE "{table}"', timeout=600)
        await connection.execute("SELECT pg_stat_force_next_flush()")  # else this counts as the next transaction's
    prune = _prunes()[table]
    for _ in range(2):
        async with database.transaction() as connection:
            step = await prune(connection)
            read: Any = await _read(connection, table)
        assert bool(step.deleted) == (age == "old")
        assert read <= MOST_READ, read
