"""Rules 6, 7 and 10 on a real broker: offsets, losses of the database, outages longer than a member may be silent."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import CommitFailedError, IllegalStateError, RequestTimedOutError
from infra.events import Upstream, binary_headers
from infra.eventually import eventually
from infra.lanes import CLUSTER, Lanes
from infra.postgres import Databases
from infra.sandbox import Provider
from infra.servers import OwnPostgres
from infra.serving import Caller
from infra.topics import administering, remake_topic
from integration.dispatcher.conftest import Rows, Settings, dispatching
from prometheus_client.parser import text_string_to_metric_families

from sendto.runtime.settings import TopicSettings
from sendto_dispatcher.store.intake import take_records

GROUP = "group"


async def _committed(kafka: str, topic: str, group: str) -> dict[int, int]:
    async with administering(kafka) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    return {place.partition: known.offset for place, known in offsets.items() if place.topic == topic}


async def _commit(kafka: str, group: str, offsets: dict[TopicPartition, int]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


async def _metric(ops: Caller, name: str) -> float:
    text = (await ops("GET", "/metrics")).content.decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return sum(one.value for one in samples if one.name == name)


@pytest.fixture
def group(settings: Settings) -> str:
    """A consumer group of the test's own."""
    name = f"group-{settings['topics']['events']}"
    settings["dispatcher"]["intake"]["group_id"] = name
    return name


async def test_rule_6_each_partition_is_committed_to_what_the_database_has(
    upstream: Upstream, settings: Settings, rows: Rows, kafka: str, group: str
) -> None:
    async with dispatching(settings):
        placed = [await upstream.raw(str(number).encode(), None, []) for number in range(1, 41)]
        ends = {place.partition: 0 for place in placed}
        for place in placed:
            ends[place.partition] = max(ends[place.partition], place.offset + 1)

        async def committed() -> bool:
            return await _committed(kafka, settings["topics"]["events"], group) == ends

        await eventually(committed)
    stored = await rows("SELECT partition, next_offset FROM intake_position WHERE next_offset > 0")
    assert {row["partition"]: row["next_offset"] for row in stored} == ends
    assert len(ends) > 1


async def test_rule_6_only_what_the_database_has_is_committed_and_only_of_the_batch(
    upstream: Upstream, settings: Settings, rows: Rows, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the moment of each commit; the client's own position is ahead of what was taken, or a place holder."""
    assert group
    settings["dispatcher"]["intake"]["batch_records"] = 3
    commit = AIOKafkaConsumer.commit
    asked: list[tuple[dict[TopicPartition, int] | None, dict[int, int]]] = []

    async def seen(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int] | None = None) -> None:
        stored = await rows("SELECT partition, next_offset FROM intake_position")
        asked.append((offsets, {row["partition"]: row["next_offset"] for row in stored}))
        await commit(consumer, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", seen)
    async with dispatching(settings):
        for order_id in range(1, 13):
            await upstream.delete(order_id, 1)

        async def all_taken() -> bool:
            return len(await rows("SELECT 1 FROM intake_event")) == 12

        await eventually(all_taken)
    assert asked
    for offsets, stored in asked:
        assert offsets
        assert all(0 < offset <= stored[place.partition] for place, offset in offsets.items())


@pytest.mark.parametrize("refusal", [CommitFailedError, IllegalStateError, RequestTimedOutError])
async def test_rule_6_a_commit_that_is_refused_is_normal(
    upstream: Upstream,
    settings: Settings,
    rows: Rows,
    kafka: str,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refusal: type[Exception],
) -> None:
    """As after a rebalance: the batch is in the database, and a later commit, or nothing, tells the broker."""
    settings["log"]["level"] = "info"
    commit = AIOKafkaConsumer.commit
    refused: list[dict[TopicPartition, int]] = []

    async def refusing(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
        if not refused:
            refused.append(offsets)
            raise refusal
        await commit(consumer, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", refusing)
    async with dispatching(settings) as ops:
        await upstream.delete(7, 1)

        async def refused_once() -> bool:
            return bool(refused)

        await eventually(refused_once)
        await upstream.delete(7, 2)

        async def committed() -> bool:
            return list((await _committed(kafka, settings["topics"]["events"], group)).values()) == [2]

        await eventually(committed)
        assert (await ops("GET", "/readyz")).status == 200
    assert [row["verdict"] for row in await rows("SELECT verdict FROM intake_event")] == ["counted"] * 2
    said = capsys.readouterr().out
    assert "offsets_not_committed" in said
    assert "intake_waits" not in said
    assert "Traceback" not in said


async def test_rule_7_committed_offsets_without_positions_have_everything_read_again(
    upstream: Upstream, provider: Provider, settings: Settings, rows: Rows, kafka: str, group: str
) -> None:
    settings["providers"]["sandbox"]["config"]["mode"] = "lookup"
    place = await upstream.raw(b"1", None, [])
    await upstream.put(1, 1)
    topic = settings["topics"]["events"]
    await _commit(kafka, group, {TopicPartition(topic, place.partition): 2})

    async with dispatching(settings) as ops:
        await provider.holds(1, version=1)
        assert await _metric(ops, "sendto_intake_database_behind_total") >= 1

    [event] = await rows("SELECT verdict FROM intake_event")
    assert event["verdict"] == "counted"
    assert await _committed(kafka, topic, group) == {place.partition: 2}


async def test_rule_7_no_lower_offset_is_committed_before_all_of_it_is_taken_again(
    upstream: Upstream, provider: Provider, settings: Settings, lanes: Lanes, kafka: str, group: str
) -> None:
    """A death on the way would else leave no proof of the loss."""
    settings["dispatcher"]["intake"]["batch_records"] = 1
    topic = settings["topics"]["events"]
    for order_id in (1, 2, 3):
        data = {"order_id": order_id, "customer": {"first_name": "Ada", "last_name": ""}}
        headers = binary_headers("customer.updated", 1)
        await upstream.producer.send_and_wait(
            topic, value=json.dumps(data).encode(), key=str(order_id).encode(), headers=headers, partition=0
        )
    await _commit(kafka, group, {TopicPartition(topic, 0): 3})

    async with dispatching(settings):
        async with lanes.database.transaction() as other:
            # The second record waits for who takes its order; the first one is taken and acknowledged before that.
            await take_records(other, CLUSTER, [lanes.record(lanes.event(2, 1), 0)], lanes.rules)
            await eventually(lambda: lanes.waits_for_lock("sendto-dispatcher"))
            [stored] = await lanes.rows("SELECT next_offset FROM intake_position WHERE partition = 0")
            assert stored["next_offset"] == 1
            assert await _committed(kafka, topic, group) == {0: 3}
            await other.execute("DELETE FROM lane WHERE order_id = 2")
            await other.execute("DELETE FROM order_state WHERE order_id = 2")
        for order_id in (1, 2, 3):
            await provider.holds(order_id, version=1)
    assert await _committed(kafka, topic, group) == {0: 3}


async def test_rule_7_a_gap_is_said_once_and_a_foreign_position_is_reset(
    upstream: Upstream, provider: Provider, settings: Settings, rows: Rows, kafka: str
) -> None:
    topic = settings["topics"]["events"]
    places = [await upstream.raw(b"7", b"old", []) for _ in range(5)]
    partition = places[0].partition
    other = next(number for number in range(4) if number != partition)
    async with administering(kafka) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=3)})
    await rows(
        "INSERT INTO intake_position SELECT $1, p, CASE WHEN p = $2 THEN c ELSE 'another cluster' END, 1"
        " FROM unnest($3::int[]) AS p, (SELECT $4::text AS c) AS cluster",
        topic,
        partition,
        [partition, other],
        await _cluster_id(kafka),
    )
    said = []
    for version in (1, 2):
        async with dispatching(settings) as ops:
            await upstream.put(8, version, first_name=f"Name {version}")
            await provider.holds(8, first_name=f"Name {version}")
            said.append(
                [await _metric(ops, f"sendto_intake_{name}_total") for name in ("gap_records", "position_reset")]
            )

    stored = {row["partition"]: row for row in await rows("SELECT * FROM intake_position")}
    assert stored[partition]["next_offset"] >= 5
    assert stored[other]["cluster_id"] == stored[partition]["cluster_id"]
    assert said[1] == said[0], "each is said once"
    assert said[0][0] >= 2
    assert said[0][1] >= 1


async def test_rule_7_a_gap_that_opens_under_a_running_process_is_said(
    upstream: Upstream, provider: Provider, settings: Settings, kafka: str, rows: Rows
) -> None:
    async with dispatching(settings) as ops:
        said_before = await _metric(ops, "sendto_intake_gap_records_total")
        await upstream.put(7, 1)
        await provider.holds(7, version=1)
        [taken] = await rows("SELECT topic, partition, next_offset FROM intake_position WHERE next_offset > 0")
        await rows("ALTER TABLE intake_event RENAME TO nowhere")
        for version in (2, 3, 4):
            await upstream.put(7, version, first_name=f"Name {version}")
        partition = TopicPartition(taken["topic"], taken["partition"])
        async with administering(kafka) as admin:
            await admin.delete_records({partition: RecordsToDelete(before_offset=taken["next_offset"] + 2)})

        async def said() -> bool:
            return await _metric(ops, "sendto_intake_gap_records_total") > said_before

        await eventually(said)
        await rows("ALTER TABLE nowhere RENAME TO intake_event")
        await provider.holds(7, version=4, first_name="Name 4")
    events = await rows("SELECT version FROM intake_event ORDER BY version")
    assert [event["version"] for event in events] == [1, 4]


async def test_rule_7_a_topic_that_is_made_anew_under_a_running_process_is_read_from_its_beginning(
    upstream: Upstream, provider: Provider, settings: Settings, kafka: str
) -> None:
    async with dispatching(settings) as ops:
        resets = await _metric(ops, "sendto_intake_position_reset_total")
        for version in (1, 2, 3):
            await upstream.put(7, version, first_name=f"Name {version}")
        await provider.holds(7, version=3)
        await remake_topic(kafka, TopicSettings.model_validate(settings["topics"]))
        await upstream.put(7, 4, first_name="After")

        await provider.holds(7, version=4, first_name="After")
        assert await _metric(ops, "sendto_intake_position_reset_total") > resets


async def _cluster_id(kafka: str) -> str:
    async with administering(kafka) as admin:
        return str((await admin.describe_cluster())["cluster_id"])


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("running", [False, True])
async def test_rule_7_a_restored_database_is_made_right_again_and_nothing_is_doubled(
    upstream: Upstream, provider: Provider, settings: Settings, databases: Databases, group: str, running: bool
) -> None:
    assert group
    settings["providers"]["sandbox"]["config"]["mode"] = "lookup"
    postgres = databases.url("postgres")
    async with databases.migrated("dispatcher") as url:
        name = url.rsplit("/", 1)[1]
        settings["dispatcher"]["database_url"] = url
        await provider.behave(errors={"503": 1.0}, references=["9"])
        async with dispatching(settings):
            for order_id in (1, 2, 3, 9):
                await upstream.put(order_id, 1)
            for order_id in (1, 2, 3):
                await provider.holds(order_id)
        await _run(postgres, f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"')
        restore = (
            f'DROP DATABASE "{name}" WITH (FORCE)',
            f'CREATE DATABASE "{name}" TEMPLATE "{name}_backup"',
        )
        await provider.behave(accept_duplicates=True)
        async with dispatching(settings):
            await upstream.put(1, 2, first_name="Newer")
            await upstream.delete(2, 2)
            for order_id in (4, 5):
                await upstream.put(order_id, 1)
            for order_id in (4, 5, 9):
                await provider.holds(order_id)
            await provider.holds(1, version=2)
            await provider.lacks(2)
            if running:
                await _run(postgres, *restore)
                await _made_again(url)
        if not running:
            await _run(postgres, *restore)
            async with dispatching(settings):
                await _made_again(url)
        await _run(postgres, f'DROP DATABASE "{name}_backup"')
    assert await provider.holds(1, version=2, first_name="Newer")
    assert await provider.get(2) is None
    assert await provider.count() == 5
    created: dict[str, int] = {}
    for entry in await provider.log():
        if entry["method"] == "POST" and entry["status"] == 201:
            created[entry["reference"]] = created.get(entry["reference"], 0) + 1
    assert created == dict.fromkeys(("1", "2", "3", "4", "5", "9"), 1)


async def _made_again(url: str) -> None:
    """Wait until everything that the database has lost is taken and delivered again."""

    async def right() -> bool:
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            lanes = await connection.fetch("SELECT desired_generation = applied_generation AS right FROM lane")
        except asyncpg.PostgresError:
            return False
        finally:
            await connection.close()
        return len(lanes) == 6 and all(lane["right"] for lane in lanes)

    await eventually(right)


async def _member(kafka: str, group: str) -> tuple[Any, ...]:
    """The state, generation's protocol and members of the group."""
    async with administering(kafka) as admin:
        [description] = await admin.describe_consumer_groups([group])
        return tuple(member[0] for member in description.groups[0][5])


@pytest.mark.kills_postgres
async def test_rule_10_a_database_away_longer_than_a_member_may_be_silent_costs_no_membership(
    own_postgres: OwnPostgres, settings: Settings, provider: Provider, upstream: Upstream, kafka: str, group: str
) -> None:
    silent_s = 3.0
    settings["dispatcher"]["intake"] |= {"max_poll_interval_s": silent_s}
    settings["dispatcher"] |= {"connect_timeout_s": 0.5, "statement_timeout_s": 1.0, "ops_statement_timeout_s": 1.0}
    async with Databases(own_postgres.url("postgres")).migrated("dispatcher") as url:
        settings["dispatcher"]["database_url"] = url
        async with dispatching(settings) as ops:
            await upstream.put(1, 1)
            await provider.holds(1)
            before = await _member(kafka, group)

            own_postgres.kill()
            await upstream.put(1, 2, first_name="Newer")

            async def away() -> bool:
                return (await ops("GET", "/readyz")).status == 503

            await eventually(away)
            await upstream.put(2, 1)  # whoever waits in place for the first batch would not poll while this one waits
            await asyncio.sleep(2 * silent_s)  # the time itself is what is tested
            assert await _member(kafka, group) == before
            own_postgres.start()

            await provider.holds(1, version=2, first_name="Newer")
            await provider.holds(2)
            assert await _member(kafka, group) == before
    assert len(before) == 1
