"""A stop that comes while the intake is still starting: Kafka is away, half up, or just coming."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from infra.eventually import eventually
from infra.servers import free_port
from prometheus_client import CollectorRegistry

from sendto.runtime.database import Database
from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.intake.intake import Intake
from sendto_dispatcher.settings import IntakeSettings, SourcesSettings
from sendto_dispatcher.store.taking import IntakeRules

STOPS_WITHIN_S = 15.0
"""well within what an orchestrator waits before it kills; the bound holds on a busy machine, too"""


def _intake(servers: str, database: Database, topic: str = "events") -> Intake:
    return Intake(
        IntakeSettings(group_id=f"group-{topic}"),
        KafkaSettings(bootstrap_servers=servers),
        topic,
        database,
        IntakeRules(routing=Routing((), ("acme",)), prefixes={}, carrying=frozenset()),
        SourcesSettings(),
        lambda: None,
        registry=CollectorRegistry(),
    )


@asynccontextmanager
async def _silent() -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes connections and says nothing; its address, and how many there were."""
    seen: list[int] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(len(seen))
        try:
            while await reader.read(4096):
                continue
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()


async def _stops(running: asyncio.Task[None]) -> None:
    """Cancel it; everything that it has opened must be closed."""
    unclosed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unclosed.append(context))
    try:
        running.cancel()
        async with asyncio.timeout(STOPS_WITHIN_S):
            await asyncio.gather(running, return_exceptions=True)
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert not unclosed


async def _one_waits_to_join(servers: str, group_id: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()

    async def rebalancing() -> bool:
        (answer,) = await admin.describe_consumer_groups([group_id])
        return any("PreparingRebalance" in group for group in answer.groups)

    try:
        await eventually(rebalancing)
    finally:
        await admin.close()


async def test_while_kafka_is_away(dispatch_database: Database) -> None:
    intake = _intake(f"127.0.0.1:{free_port()}", dispatch_database)
    running = asyncio.create_task(intake.run())

    async def away() -> bool:
        return await intake.readiness() == "Kafka is away"

    await eventually(away)
    await _stops(running)


async def test_while_kafka_takes_connections_and_says_nothing(dispatch_database: Database) -> None:
    async with _silent() as (servers, seen):
        running = asyncio.create_task(_intake(servers, dispatch_database).run())

        async def connected() -> bool:
            return bool(seen)

        await eventually(connected)
        await _stops(running)


async def test_while_the_group_waits_for_a_member_that_is_gone(
    dispatch_database: Database, kafka: str, topics: TopicSettings
) -> None:
    """The broker answers nobody who joins until it has given up the one that went without a word."""
    gone = AIOKafkaConsumer(
        topics.events,
        bootstrap_servers=kafka,
        group_id=f"group-{topics.events}",
        heartbeat_interval_ms=45_000,
        session_timeout_ms=45_000,
    )
    await gone.start()
    running = asyncio.create_task(_intake(kafka, dispatch_database, topics.events).run())
    try:
        await _one_waits_to_join(kafka, f"group-{topics.events}")
        await _stops(running)
    finally:
        await gone.stop()


async def test_while_the_client_that_asked_for_the_cluster_is_closed(
    dispatch_database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, close = asyncio.Event(), AIOKafkaAdminClient.close

    async def told(self: AIOKafkaAdminClient) -> None:
        closing.set()
        await close(self)

    monkeypatch.setattr(AIOKafkaAdminClient, "close", told)
    running = asyncio.create_task(_intake(kafka, dispatch_database).run())
    await closing.wait()

    await _stops(running)


@pytest.mark.parametrize("after_ms", range(0, 200, 20))
async def test_at_any_moment_of_the_start(dispatch_database: Database, kafka: str, after_ms: int) -> None:
    running = asyncio.create_task(_intake(kafka, dispatch_database).run())
    await asyncio.sleep(after_ms / 1000)  # the moment is what is tested

    await _stops(running)
