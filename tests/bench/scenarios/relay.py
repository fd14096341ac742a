"""How fast the outbox is published, in order per key, with durable commits."""

from statistics import median
from typing import Any

import asyncpg
from infra.eventually import eventually
from infra.topics import new_topics, read_all

from bench.figures import Measured, at_least
from bench.machine import PATIENCE_S, Machine, spawn
from bench.topic import event_body

_FILL = """
INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value)
SELECT 1 + n % $2, gen_random_uuid(), 'customer.updated', n, now(), $3 FROM generate_series(1, $1::bigint) AS n
"""
_LEFT = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_SECONDS = "SELECT extract(epoch FROM max(published_at) - min(published_at))::float8 FROM outbox"
_RUNS = 3


async def relay(machine: Machine, size: float) -> Measured:
    """A full outbox, drained by one relay."""
    events, keys = int(50_000 * size), 1_000
    return Measured(
        [
            at_least(
                "outbox events published",
                median([await _drain(machine, events, keys) for _ in range(_RUNS)]),
                "/s",
                10_000,
            )
        ]
    )


async def _drain(machine: Machine, events: int, keys: int) -> float:
    topics = await new_topics(machine.kafka, partitions=12)
    async with machine.databases.migrated("api") as url:
        connection = await asyncpg.connect(url)
        await connection.execute(_FILL, events, keys, event_body(1, 1).decode(), timeout=PATIENCE_S)
        env = {
            "SENDTO_API__DATABASE_URL": url,
            "SENDTO_KAFKA__BOOTSTRAP_SERVERS": machine.kafka,
            "SENDTO_TOPICS__EVENTS": topics.events,
            "SENDTO_RELAY__PORT": "0",
        }
        process = await spawn("sendto_cli", "relay", env=env, log=machine.folder / "relay.log")

        async def empty() -> bool:
            return bool(await connection.fetchval(_LEFT) == 0)

        await eventually(empty, PATIENCE_S)
        seconds = await connection.fetchval(_SECONDS)
        process.terminate()
        await process.wait()
        await connection.close()
    _in_order(await read_all(machine.kafka, topics.events), events)
    return float(events / seconds)


def _in_order(records: list[Any], events: int) -> None:
    assert len(records) == events
    newest: dict[bytes, int] = {}
    for record in records:
        version = int(dict(record.headers)["ce_orderversion"])
        assert version > newest.get(record.key, 0)
        newest[record.key] = version
