"""The relay: everything that was committed reaches the topic, in order per order, whatever dies on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from infra.eventually import eventually
from infra.processes import Service, running
from infra.servers import OwnKafka, free_port
from infra.serving import Caller
from infra.topics import new_topics, read_all
from prometheus_client.parser import text_string_to_metric_families

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings

_ADD = """
INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value)
SELECT $1, gen_random_uuid(), 'customer.updated', $2, now(), $3
"""

_OUTBOX = {"sendto_outbox_depth": 0, "sendto_outbox_oldest_seconds": 0, "sendto_outbox_published_total": 1}


async def _store(database: Database, order_id: int, version: int) -> None:
    async with database.connection() as connection:
        await connection.execute(_ADD, order_id, version, json.dumps({"order_id": order_id}))


def _relay(api_url: str, servers: str, topics: TopicSettings, folder: Path) -> Service:
    port = free_port()
    env = {
        "SENDTO_API__DATABASE_URL": api_url,
        "SENDTO_KAFKA__BOOTSTRAP_SERVERS": servers,
        "SENDTO_KAFKA__REQUEST_TIMEOUT_S": "2",
        "SENDTO_TOPICS__EVENTS": topics.events,
        "SENDTO_RELAY__PORT": str(port),
        "SENDTO_RELAY__BATCH_EVENTS": "20",
    }
    return Service("relay", env, f"http://127.0.0.1:{port}", folder / f"relay-{port}.log")


async def _published(servers: str, topic: str) -> dict[int, list[int]]:
    """The versions of each order, in the order of the topic, each once where it came again."""
    versions: dict[int, list[int]] = {}
    for record in await read_all(servers, topic):
        known = versions.setdefault(int(record.key), [])
        version = int(dict(record.headers)["ce_orderversion"])
        if version not in known:
            known.append(version)
    return versions


@asynccontextmanager
async def _writing(database: Database, orders: int, versions: int) -> AsyncIterator[None]:
    """Store events of several orders, one version after the other, while the block runs."""

    async def write() -> None:
        for version in range(1, versions + 1):
            await asyncio.gather(*(_store(database, order_id, version) for order_id in range(1, orders + 1)))

    writing = asyncio.create_task(write())
    yield
    await writing


async def _wait_until_empty(database: Database) -> None:
    async def empty() -> bool:
        async with database.connection() as connection:
            return not await connection.fetch("SELECT 1 FROM outbox WHERE published_at IS NULL")

    await eventually(empty)


def _all(orders: int, versions: int) -> dict[int, list[int]]:
    return {order_id: list(range(1, versions + 1)) for order_id in range(1, orders + 1)}


async def test_events_are_binary_cloudevents_with_the_order_id_as_key(
    api_url: str, api_database: Database, kafka: str, topics: TopicSettings, tmp_path: Path
) -> None:
    await _store(api_database, 51342, 7)

    async with running(_relay(api_url, kafka, topics, tmp_path)):
        await _wait_until_empty(api_database)

    [record] = await read_all(kafka, topics.events)
    headers = {name: value.decode() for name, value in record.headers}
    assert record.key == b"51342"
    assert json.loads(record.value) == {"order_id": 51342}
    assert headers["content-type"] == "application/json"
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "customer.updated"
    assert headers["ce_source"] == "/sendto/api"
    assert headers["ce_subject"] == "orders/51342/customer"
    assert headers["ce_orderversion"] == "7"
    assert headers["ce_time"].endswith("Z")


async def test_two_relays_of_which_one_is_killed_lose_nothing_and_keep_the_order(
    api_url: str, api_database: Database, kafka: str, topics: TopicSettings, tmp_path: Path
) -> None:
    first, second = (_relay(api_url, kafka, topics, tmp_path) for _ in range(2))
    async with running(first), running(second), _writing(api_database, orders=10, versions=60):
        await first.kill()
        await first.start()
        await second.kill()
        await second.start()
    async with running(_relay(api_url, kafka, topics, tmp_path)):
        await _wait_until_empty(api_database)

    assert await _published(kafka, topics.events) == _all(orders=10, versions=60)


@pytest.mark.kills_kafka
async def test_kafka_is_killed_and_everything_follows_in_order(
    api_url: str, api_database: Database, own_kafka: OwnKafka, tmp_path: Path
) -> None:
    servers = own_kafka.bootstrap_servers
    topics = await new_topics(servers)
    relay = _relay(api_url, servers, topics, tmp_path)
    async with running(relay):
        async with _writing(api_database, orders=5, versions=40):
            await eventually(lambda: _some(servers, topics))
            own_kafka.kill()
        await own_kafka.come_back()
        await _wait_until_empty(api_database)

    assert await _published(servers, topics.events) == _all(orders=5, versions=40)


async def _some(servers: str, topics: TopicSettings) -> bool:
    return bool(await read_all(servers, topics.events))


async def test_metrics_tell_how_much_waits_and_for_how_long(
    api_url: str, api_database: Database, kafka: str, topics: TopicSettings, tmp_path: Path
) -> None:
    await _store(api_database, 1, 1)
    relay = _relay(api_url, kafka, topics, tmp_path)
    async with running(relay):
        await _wait_until_empty(api_database)
        caller = Caller(relay.url)

        async def as_wanted() -> bool:
            text = (await caller("GET", "/metrics")).content.decode()
            families = text_string_to_metric_families(text)
            values = {sample.name: sample.value for family in families for sample in family.samples}
            return _OUTBOX.items() <= values.items()

        await eventually(as_wanted)
