"""Rules 35 and 36: what the relay reads, whatever the order in which ids are committed, and after a failed send."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from infra.eventually import eventually
from infra.postgres import settings
from infra.topics import producing, read_all

from sendto.runtime.database import Connection, Database
from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto_api.outbox.relay import Relay
from sendto_api.settings import RelaySection

_ADD = """
INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value)
VALUES ($1, gen_random_uuid(), 'customer.updated', $2, now(), $3) RETURNING id
"""


async def _add(connection: Connection, order_id: int, version: int) -> int:
    return int(await connection.fetchval(_ADD, order_id, version, json.dumps({"order_id": order_id})))


def _relay(database: Database, kafka: str, topics: TopicSettings) -> Relay:
    return Relay(RelaySection(batch_events=10), KafkaSettings(bootstrap_servers=kafka), topics, database)


async def _orders(kafka: str, topics: TopicSettings) -> list[tuple[int, int]]:
    return [
        (int(record.key), int(dict(record.headers)["ce_orderversion"]))
        for record in await read_all(kafka, topics.events)
    ]


async def test_rule_36_a_row_that_commits_after_later_ones_is_published_all_the_same(
    api_database: Database, kafka: str, topics: TopicSettings
) -> None:
    relay = _relay(api_database, kafka, topics)
    async with producing(kafka) as producer:
        async with api_database.transaction() as slow:
            first = await _add(slow, 1, 1)
            async with api_database.transaction() as quick:
                second = await _add(quick, 2, 1)
            assert first < second
            assert await relay.run_once(producer) == 1
            assert await _orders(kafka, topics) == [(2, 1)]

        assert await relay.run_once(producer) == 1
        assert await relay.run_once(producer) == 0

    assert sorted(await _orders(kafka, topics)) == [(1, 1), (2, 1)]


class _Failing:
    """A producer that loses its connection at the n-th send, once: at once, or while the broker writes the record."""

    def __init__(self, producer: AIOKafkaProducer, at: int, *, later: bool) -> None:
        self._producer = producer
        self._left = at
        self._later = later

    async def send(self, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left != 0:
            return await self._producer.send(*arguments, **named)
        if not self._later:
            raise KafkaConnectionError
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lost.set_exception(KafkaConnectionError())
        return lost


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("at", [1, 2, 5])
async def test_rule_36_after_a_failed_send_it_begins_at_the_first_unpublished_row_again(
    api_database: Database, kafka: str, topics: TopicSettings, at: int, later: bool
) -> None:
    relay = _relay(api_database, kafka, topics)
    async with api_database.transaction() as connection:
        for version in range(1, 6):
            await _add(connection, 7, version)
    async with producing(kafka) as producer:
        with pytest.raises(KafkaError):
            await relay.run_once(_Failing(producer, at, later=later))
        await producer.flush()
        assert await relay.run_once(producer) == 5

    versions = [version for _, version in await _orders(kafka, topics)]
    after = range(at + 1, 6) if later else ()
    assert versions == [*range(1, at), *after, *range(1, 6)]


async def test_rule_35_the_lock_takes_no_connection_of_the_pool(
    api_url: str, kafka: str, topics: TopicSettings
) -> None:
    """It would be lost with the first transaction where a pooler hands connections out."""
    database = Database(settings(api_url).model_copy(update={"pool_max_size": 1}), application_name="test")
    publishing = asyncio.create_task(_relay(database, kafka, topics).run())
    async with database.transaction() as connection:
        await _add(connection, 7, 1)

    async def published() -> bool:
        return await _orders(kafka, topics) == [(7, 1)]

    await eventually(published)
    publishing.cancel()
    await asyncio.wait({publishing})
    await database.close()
