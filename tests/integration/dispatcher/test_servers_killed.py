"""Kafka and PostgreSQL killed with -9 under a running dispatcher: nothing is lost, and nothing needs a restart."""

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.postgres import Databases
from infra.sandbox import Provider
from infra.servers import OwnKafka, OwnPostgres
from infra.serving import Caller
from infra.topics import new_topics, producing
from integration.dispatcher.conftest import Settings, dispatching


async def _ready(ops: Caller) -> bool:
    return (await ops("GET", "/readyz")).status == 200


async def _not_ready(ops: Caller) -> bool:
    return (await ops("GET", "/readyz")).status == 503


@pytest.mark.kills_kafka
async def test_kafka_is_killed_and_comes_back(own_kafka: OwnKafka, settings: Settings, provider: Provider) -> None:
    servers = own_kafka.bootstrap_servers
    topics = await new_topics(servers)
    settings["kafka"] = {"bootstrap_servers": servers, "request_timeout_s": 2}
    settings["topics"] = topics.model_dump()
    async with dispatching(settings) as ops:
        async with producing(servers) as producer:
            upstream = Upstream(producer, topics.events)
            for order_id in range(1, 21):
                await upstream.put(order_id, 1)
            await provider.holds(20)

        own_kafka.kill()
        await eventually(lambda: _not_ready(ops))
        await own_kafka.come_back()
        await eventually(lambda: _ready(ops))

        async with producing(servers) as producer:
            upstream = Upstream(producer, topics.events)
            for order_id in range(1, 21):
                await upstream.put(order_id, 2, first_name="Newer")
        for order_id in range(1, 21):
            await provider.holds(order_id, version=2, first_name="Newer")
    assert await provider.count() == 20


@pytest.mark.kills_postgres
async def test_postgresql_is_killed_and_comes_back(
    own_postgres: OwnPostgres, settings: Settings, provider: Provider, upstream: Upstream
) -> None:
    own = Databases(own_postgres.url("postgres"))
    async with own.migrated("dispatcher") as url:
        settings["dispatcher"]["database_url"] = url
        settings["dispatcher"]["connect_timeout_s"] = 1
        async with dispatching(settings) as ops:
            for order_id in range(1, 21):
                await upstream.put(order_id, 1)
            await provider.holds(20)

            own_postgres.kill()
            for order_id in range(1, 21):
                await upstream.put(order_id, 2, first_name="Newer")
            await eventually(lambda: _not_ready(ops))
            await own_postgres.come_back()

            for order_id in range(1, 21):
                await provider.holds(order_id, version=2, first_name="Newer")
            await eventually(lambda: _ready(ops))
    assert await provider.count() == 20


@pytest.mark.kills_postgres
async def test_postgresql_is_killed_in_the_middle_of_deliveries(
    own_postgres: OwnPostgres, settings: Settings, provider: Provider, upstream: Upstream
) -> None:
    own = Databases(own_postgres.url("postgres"))
    await provider.behave(latency_s=0.05)
    settings["providers"]["sandbox"]["limits"] = {"concurrency": 4}
    async with own.migrated("dispatcher") as url:
        settings["dispatcher"]["database_url"] = url
        settings["dispatcher"]["connect_timeout_s"] = 1
        async with dispatching(settings):
            for order_id in range(1, 101):
                await upstream.put(order_id, 1)
            await provider.holds(5)

            own_postgres.kill()
            await own_postgres.come_back()

            for order_id in range(1, 101):
                await provider.holds(order_id, version=1)
    assert await provider.count() == 100
