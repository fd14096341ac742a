"""The API while Kafka or PostgreSQL is away, and under many writers: what it has answered is true and gets out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from infra.bodies import customer, order
from infra.eventually import eventually
from infra.postgres import Databases, connected
from infra.processes import Service, running
from infra.servers import OwnKafka, OwnPostgres, free_port
from infra.serving import Caller, served
from infra.topics import new_topics, read_all
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.store import create_token

WRITERS = 200
AT_ONCE_S = 10.0
"""far more than an answer takes, far less than any wait for a server that is away"""


@asynccontextmanager
async def _api(url: str, database: Database, **settings: Any) -> AsyncIterator[Caller]:
    async with database.connection() as connection:
        token = await create_token(connection, name="test", permissions=["*"])
    section = ApiSection(database_url=SecretStr(url), port=0, **settings)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as at:
        caller = Caller(at, token)
        yield caller
        await caller.close()


def _relay(api_url: str, servers: str, topics: TopicSettings, folder: Path) -> Service:
    port = free_port()
    env = {
        "SENDTO_API__DATABASE_URL": api_url,
        "SENDTO_KAFKA__BOOTSTRAP_SERVERS": servers,
        "SENDTO_KAFKA__REQUEST_TIMEOUT_S": "2",
        "SENDTO_TOPICS__EVENTS": topics.events,
        "SENDTO_RELAY__PORT": str(port),
    }
    return Service("relay", env, f"http://127.0.0.1:{port}", folder / "relay.log")


async def _outbox(database: Database) -> list[tuple[int, str, int, Any]]:
    """Every event as it was stored, in the order of the table."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM outbox ORDER BY id")
    return [(row["order_id"], str(row["event_id"]), row["version"], json.loads(row["value"])) for row in rows]


async def _topic(servers: str, topics: TopicSettings) -> list[tuple[int, str, int, Any]]:
    """Every event as it is on the topic, each once, in the order of each partition."""
    found: dict[str, tuple[int, str, int, Any]] = {}
    for record in await read_all(servers, topics.events):
        headers = {name: value.decode() for name, value in record.headers}
        event = (int(record.key), headers["ce_id"], int(headers["ce_orderversion"]), json.loads(record.value))
        found.setdefault(headers["ce_id"], event)
    return list(found.values())


async def _all_published(database: Database) -> None:
    async def empty() -> bool:
        async with database.connection() as connection:
            return not await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")

    await eventually(empty)


def _by_order(events: list[tuple[int, str, int, Any]]) -> dict[int, list[tuple[int, str, int, Any]]]:
    orders: dict[int, list[tuple[int, str, int, Any]]] = {}
    for event in events:
        orders.setdefault(event[0], []).append(event)
    return orders


@pytest.mark.needs_kafka
async def test_outbox_and_topic_agree_row_by_row_after_two_hundred_writers_of_one_order(
    api_url: str, api_database: Database, kafka: str, topics: TopicSettings, tmp_path: Path
) -> None:
    patient = {"connect_timeout_s": 60.0}  # two hundred wait for a connection as long as a slow machine needs
    async with _api(api_url, api_database, **patient) as api, running(_relay(api_url, kafka, topics, tmp_path)):
        made = await api("POST", "/v3/orders", order(customer=customer()))
        path = f"/v3/orders/{made.json['order_id']}"

        async def write(number: int) -> tuple[int, int]:
            """Half of them change the customer, half the order; each its own member."""
            if number % 2:
                reply = await api("PATCH", f"{path}/customer", {"first_name": f"Writer {number}"})
            else:
                reply = await api("PATCH", path, {"comment": f"Writer {number}"})
            return reply.status, int(reply.headers["etag"].strip('"'))

        answers = await asyncio.gather(*(write(number) for number in range(WRITERS)))
        last_order, last_customer = await api("GET", path), await api("GET", f"{path}/customer")
        await _all_published(api_database)

    stored = await _outbox(api_database)
    versions = [version for _, _, version, _ in stored]
    assert {status for status, _ in answers} == {200}
    assert len(stored) == WRITERS + 1
    assert versions == sorted(set(versions))
    assert sorted(version for _, version in answers) == versions[1:]
    newest = stored[-1][3]
    assert newest["order"]["comment"] == last_order.json["comment"]
    assert newest["customer"]["first_name"] == last_customer.json["first_name"]
    texts = {str(value["customer"]["first_name"]) for *_, value in stored} | {
        value["order"]["comment"] for *_, value in stored
    }
    assert {f"Writer {number}" for number in range(WRITERS)} <= texts
    assert await _topic(kafka, topics) == stored


@pytest.mark.kills_kafka
async def test_without_kafka_writes_go_on_and_all_is_published_in_order_after(
    api_url: str, api_database: Database, own_kafka: OwnKafka, tmp_path: Path
) -> None:
    servers = own_kafka.bootstrap_servers
    topics = await new_topics(servers)
    relay = _relay(api_url, servers, topics, tmp_path)
    async with _api(api_url, api_database) as api, running(relay):
        orders = [(await api("POST", "/v3/orders", order(customer=customer()))).json["order_id"] for _ in range(5)]
        own_kafka.kill()

        async def noticed() -> bool:
            return (await Caller(relay.url)("GET", "/readyz")).status == 503

        statuses = []
        for number in range(20):
            paths = [f"/v3/orders/{order_id}/customer" for order_id in orders]
            replies = await asyncio.gather(*(api("PATCH", path, {"first_name": f"No {number}"}) for path in paths))
            statuses += [reply.status for reply in replies]
        await eventually(noticed)
        statuses.append((await api("PATCH", f"/v3/orders/{orders[0]}", {"comment": "still here"})).status)
        ready = await api("GET", "/readyz")
        own_kafka.start()
        await _all_published(api_database)

    assert set(statuses) == {200}
    assert ready.status == 200
    stored = await _outbox(api_database)
    assert len(stored) == 5 * 21 + 1
    assert _by_order(await _topic(servers, topics)) == _by_order(stored)


@pytest.mark.kills_postgres
async def test_without_postgresql_the_answer_is_503_at_once_and_it_recovers_by_itself(
    own_postgres: OwnPostgres,
) -> None:
    databases = Databases(own_postgres.url("postgres"))
    async with databases.migrated("api") as url, connected(url) as database, _api(url, database) as api:
        made = await api("POST", "/v3/orders", order(customer=customer()))
        path = f"/v3/orders/{made.json['order_id']}"
        calls: list[tuple[str, str, Any]] = [
            ("GET", "/v3/orders", None),
            ("GET", path, None),
            ("POST", "/v3/orders", order()),
            ("PATCH", f"{path}/customer", {"first_name": "Jane"}),
            ("DELETE", path, None),
        ]

        own_postgres.kill()
        began = monotonic()
        away = [await api(*call) for call in calls]
        took_s = monotonic() - began
        unready, alive = await api("GET", "/readyz"), await api("GET", "/healthz")
        own_postgres.start()

        async def back() -> bool:
            return (await api("GET", "/readyz")).status == 200

        await eventually(back)
        after = [(await api(*call)).status for call in calls]

    assert [(reply.status, reply.json["code"]) for reply in away] == [(503, "unavailable")] * len(calls)
    assert all(reply.headers["retry-after"] == "1" for reply in away)
    assert all(reply.headers["content-type"] == "application/problem+json" for reply in away)
    assert took_s < AT_ONCE_S
    assert (unready.status, alive.status) == (503, 200)
    assert after == [200, 200, 201, 200, 200]
