"""Rule 9: delivery events and dead letters are rows first; Kafka away stops neither intake nor settles."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from infra.events import Upstream
from infra.eventually import eventually
from infra.lanes import Lanes
from infra.sandbox import Provider
from infra.servers import OwnKafka
from infra.topics import new_topics, producing, read_all
from integration.dispatcher.conftest import Rows, Settings, dispatching
from pydantic import TypeAdapter

from sendto.events.delivery import DeliveryData, DeliveryType
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.publishing import RowPublisher
from sendto.runtime.settings import KafkaSettings
from sendto.sdk import Applied
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.told import Told
from sendto_dispatcher.engine.deliveries import deliveries
from sendto_dispatcher.engine.record import attempt_record
from sendto_dispatcher.intake.dead_letters import dead_letters
from sendto_dispatcher.store.deliveries import write_deliveries
from sendto_dispatcher.store.settles import Settled, write_settles


async def _deliveries(kafka: str, topic: str, expected: int) -> list[tuple[str, DeliveryData]]:
    """What is on the topic once so much is."""

    async def told() -> list[Any] | None:
        records = await read_all(kafka, topic)
        return records if len(records) >= expected else None

    records = await eventually(told) or []
    read = TypeAdapter(DeliveryData).validate_json
    return [(dict(record.headers)["ce_type"].decode(), read(record.value)) for record in records]


async def test_every_kind_of_delivery_event_is_told_where_it_is_configured(
    upstream: Upstream, provider: Provider, settings: Settings, kafka: str
) -> None:
    settings["dispatcher"]["delivery_events"] = True
    settings["routing"] = {"default": []}
    to = {"order_type": "delivery", "shipment_provider": "sandbox"}
    await provider.behave(errors={"422": 1.0}, references=["3"])
    stranger = Upstream(upstream.producer, upstream.topic, "/shop/other")
    async with dispatching(settings):
        await upstream.put(1, 5, order=to)
        await provider.holds(1)
        await upstream.delete(1, 6)
        await provider.lacks(1)
        await upstream.put(2, 7)
        await upstream.put(3, 8, order=to)
        await upstream.put(4, None, order=to)
        await provider.holds(4)
        await stranger.put(4, 9, order=to)
        told = await _deliveries(kafka, settings["topics"]["deliveries"], 6)

    short = {(kind, data.order_id, data.provider, data.orderversion, data.reason) for kind, data in told}
    assert ("delivery.applied", 1, "sandbox", 5, None) in short
    assert ("delivery.removed", 1, "sandbox", 6, None) in short
    assert ("delivery.unrouted", 2, None, 7, None) in short
    assert any(one[:4] == ("delivery.dead", 3, "sandbox", 8) and one[4] for one in short)
    assert ("delivery.applied", 4, "sandbox", None, None) in short
    assert ("delivery.dead", 4, "sandbox", 9, "reference_taken") in short
    assert len(told) == 6
    assert {data.source for _, data in told} == {"/shop/upstream", "/shop/other"}


async def test_nothing_is_told_unless_it_is_configured(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    async with dispatching(settings):
        await upstream.put(1, 1)
        await provider.holds(1)
    assert await rows("SELECT 1 FROM delivery_event") == []


async def _rows_to_tell(database: Database, many: int) -> None:
    told = [
        Told(type=DeliveryType.APPLIED, order_id=one, source="/shop", provider="acme", version=one, attempts=1)
        for one in range(1, many + 1)
    ]
    async with database.transaction() as connection:
        await write_deliveries(connection, told)


async def _order_ids(kafka: str, topic: str) -> list[int]:
    return [int(record.key) for record in await read_all(kafka, topic)]


async def test_rows_are_published_in_their_order_and_once(dispatch_database: Database, kafka: str) -> None:
    topics = await new_topics(kafka, partitions=1)
    await _rows_to_tell(dispatch_database, 150)
    publisher: RowPublisher = deliveries(dispatch_database, KafkaSettings(bootstrap_servers=kafka), topics.deliveries)
    async with producing(kafka) as producer:
        counts = [await publisher.run_once(producer) for _ in range(3)]

    assert counts == [100, 50, 0]
    assert await _order_ids(kafka, topics.deliveries) == list(range(1, 151))


class _Breaks:
    """A producer at whose n-th record something breaks, once: `before` it is sent, or after."""

    def __init__(
        self, producer: AIOKafkaProducer, at: int, breaks: Callable[[], Awaitable[None]], *, before: bool
    ) -> None:
        self._producer = producer
        self._left = at
        self._breaks = breaks
        self._before = before

    async def send_and_wait(self, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._before:
            await self._breaks()
        sent = await self._producer.send_and_wait(*arguments, **named)
        if self._left == 0 and not self._before:
            await self._breaks()
        return sent


@pytest.mark.parametrize("at", [1, 3, 5])
async def test_after_a_record_that_cannot_be_sent_it_begins_at_the_first_row_again(
    dispatch_database: Database, kafka: str, at: int
) -> None:
    topics = await new_topics(kafka, partitions=1)
    await _rows_to_tell(dispatch_database, 5)
    publisher: RowPublisher = deliveries(dispatch_database, KafkaSettings(bootstrap_servers=kafka), topics.deliveries)

    async def lost() -> None:
        raise KafkaConnectionError

    async with producing(kafka) as producer:
        with pytest.raises(KafkaError):
            await publisher.run_once(_Breaks(producer, at, lost, before=True))
        assert await publisher.run_once(producer) == 5

    assert await _order_ids(kafka, topics.deliveries) == [*range(1, at), *range(1, 6)]


async def test_what_was_sent_and_whose_mark_was_lost_is_sent_again(
    dispatch_url: str, dispatch_database: Database, kafka: str
) -> None:
    """The publisher's connection is cut after the last record: as a process that dies there."""
    topics = await new_topics(kafka, partitions=1)
    await _rows_to_tell(dispatch_database, 3)
    publisher: RowPublisher = deliveries(dispatch_database, KafkaSettings(bootstrap_servers=kafka), topics.deliveries)
    other = await asyncpg.connect(dispatch_url)

    async def cut() -> None:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        )

    async with producing(kafka) as producer:
        with pytest.raises(DatabaseAway):
            await publisher.run_once(_Breaks(producer, 3, cut, before=False))
        assert await publisher.run_once(producer) == 3
        assert await publisher.run_once(producer) == 0
    await other.close()

    assert await _order_ids(kafka, topics.deliveries) == [1, 2, 3, 1, 2, 3]


async def _settle_and_tell(lanes: Lanes, *claims: Claim) -> Settled:
    records = [attempt_record(claim.lane, lanes.finished(claim, Applied(None)), 1.0) for claim in claims]
    async with lanes.database.connection() as connection:
        return await write_settles(connection, records, lambda _: lanes.policy, replica="test", tell=True)


async def test_a_settle_whose_lease_has_passed_on_tells_nothing(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [late] = await lanes.claim()
    await lanes.expire(7)
    [claim] = await lanes.claim()

    await _settle_and_tell(lanes, late)
    assert await lanes.rows("SELECT 1 FROM delivery_event") == []

    await _settle_and_tell(lanes, claim)
    assert len(await lanes.rows("SELECT 1 FROM delivery_event")) == 1


@pytest.mark.parametrize("late_first", [False, True])
async def test_a_batch_with_both_ends_of_a_lane_tells_once(lanes: Lanes, late_first: bool) -> None:
    """A process that was frozen past its lease took the lane again: both of its calls end at the same time."""
    await lanes.put(7, 1)
    [late] = await lanes.claim()
    await lanes.expire(7)
    [claim] = await lanes.claim()

    settled = await _settle_and_tell(lanes, *((late, claim) if late_first else (claim, late)))

    assert settled.fenced == {late.lane.id}
    assert len(await lanes.rows("SELECT 1 FROM delivery_event")) == 1


async def test_what_moved_before_it_was_written_is_told_once_it_is_settled(lanes: Lanes) -> None:
    """The order changes between claim and settle: what was decided by the lane as it was is not written, nor told."""
    await lanes.put(7, 1)
    [claim] = await lanes.claim()
    await lanes.put(7, 2)

    settled = await _settle_and_tell(lanes, claim)
    assert len(settled.moved) == 1
    assert await lanes.rows("SELECT 1 FROM delivery_event") == []

    async with lanes.database.connection() as connection:
        await write_settles(connection, settled.moved, lambda _: lanes.policy, replica="test", tell=True)
    assert len(await lanes.rows("SELECT 1 FROM delivery_event")) == 1


async def test_what_cannot_be_told_is_not_settled(lanes: Lanes) -> None:
    await lanes.put(7, 1)
    [claim] = await lanes.claim()
    await lanes.run("ALTER TABLE delivery_event RENAME TO nowhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await _settle_and_tell(lanes, claim)
    assert (await lanes.lane(7))["lease_token"] == claim.lane.lease_token

    await lanes.run("ALTER TABLE nowhere RENAME TO delivery_event")
    await _settle_and_tell(lanes, claim)
    assert (await lanes.lane(7))["applied_present"]
    assert len(await lanes.rows("SELECT 1 FROM delivery_event")) == 1


async def test_an_event_whose_rejection_cannot_be_written_is_not_passed_over(
    settings: Settings, upstream: Upstream, rows: Rows
) -> None:
    await rows(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$"
    )
    await rows("CREATE TRIGGER refuse BEFORE INSERT ON rejected_event EXECUTE FUNCTION refuse()")
    async with dispatching(settings) as ops:
        place = await upstream.raw(b"7", b"{", [])

        async def waits() -> bool:
            return (await ops("GET", "/readyz")).status == 503

        await eventually(waits)
        assert not await rows("SELECT 1 FROM intake_position WHERE next_offset > $1", place.offset)
        await rows("DROP TRIGGER refuse ON rejected_event")

        async def rejected() -> bool:
            return bool(await rows("SELECT 1 FROM rejected_event WHERE record_offset = $1", place.offset))

        await eventually(rejected)

        async def ready() -> bool:
            return (await ops("GET", "/readyz")).status == 200

        await eventually(ready)


@pytest.mark.kills_kafka
async def test_while_kafka_cannot_be_written_settles_go_on_and_the_rows_wait(
    own_kafka: OwnKafka, settings: Settings, provider: Provider, rows: Rows
) -> None:
    servers = own_kafka.bootstrap_servers
    topics = await new_topics(servers)
    settings["kafka"] = {"bootstrap_servers": servers, "request_timeout_s": 2}
    settings["topics"] = topics.model_dump()
    settings["dispatcher"]["delivery_events"] = True
    async with dispatching(settings) as ops:
        await rows("UPDATE provider_state SET paused_at = now()")
        async with producing(servers) as producer:
            upstream = Upstream(producer, topics.events)
            for order_id in range(1, 11):
                await upstream.put(order_id, 1)
            await upstream.raw(b"no key", b"", [])

            async def taken() -> bool:
                return len(await rows("SELECT 1 FROM lane")) == 10

            await eventually(taken)
        own_kafka.kill()
        await rows("UPDATE provider_state SET paused_at = NULL")
        for order_id in range(1, 11):
            await provider.holds(order_id)

        async def settled() -> bool:
            return not await rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL")

        await eventually(settled)
        assert len(await rows("SELECT 1 FROM delivery_event WHERE published_at IS NULL")) == 10
        own_kafka.start()

        async def ready() -> bool:
            return (await ops("GET", "/readyz")).status == 200

        await eventually(ready)
        told = await _deliveries(servers, topics.deliveries, 10)
    assert {data.order_id for _, data in told} == set(range(1, 11))


async def test_a_record_that_is_too_large_for_the_topic_becomes_a_dead_letter_all_the_same(
    lanes: Lanes, kafka: str
) -> None:
    topics = await new_topics(kafka, partitions=1)
    await lanes.run(
        "INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, reason, detail, record_key,"
        " record_value, record_headers) VALUES ('c', 't', 0, $1, 'too_large', '', convert_to(repeat('k', $2), 'UTF8'),"
        " convert_to(repeat('v', $3), 'UTF8'), '[]')",
        1,
        2_000_000,
        10,
    )
    publisher = dead_letters(lanes.database, KafkaSettings(bootstrap_servers=kafka), topics.dead_letters)
    async with producing(kafka) as producer:
        assert await publisher.run_once(producer) == 1

    [letter] = await read_all(kafka, topics.dead_letters)
    assert letter.key is None
    assert dict(letter.headers)["sendto_truncated"] == b"true"
