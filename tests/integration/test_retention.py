"""What is older than the settings say is deleted, in small steps, by one process at a time, and nothing else."""

import asyncio
from typing import Any

import pytest
from infra.lanes import Lanes
from prometheus_client import REGISTRY
from pydantic import SecretStr, ValidationError

from sendto.runtime import pruning
from sendto.runtime.database import Connection, Database
from sendto.runtime.pruning import Pruner, Step, oldest_first
from sendto.sdk import Applied, Rejected, RemoteRef
from sendto_api.http.idempotency import prune_answers
from sendto_api.outbox.store import prune_published
from sendto_dispatcher.settings import DispatcherSection, DispatcherSettings, RetentionSettings
from sendto_dispatcher.store.replay import replay
from sendto_dispatcher.store.retention import LOCK, prunes

DAY_S = 86_400
KEEP = {
    "attempts_s": DAY_S,
    "events_s": DAY_S,
    "delivery_events_s": DAY_S,
    "rejected_events_s": DAY_S,
    "order_states_s": DAY_S,
}


async def _run(database: Database, statement: str, *arguments: object) -> None:
    async with database.connection() as connection:
        await connection.execute(statement, *arguments)


async def _values(database: Database, statement: str) -> list[Any]:
    async with database.connection() as connection:
        return [row[0] for row in await connection.fetch(statement)]


async def _round(database: Database) -> dict[str, int]:
    return await Pruner(database, LOCK, prunes(**KEEP)).run_once()


async def test_history_goes_once_it_is_old_and_not_before(dispatch_database: Database) -> None:
    lanes = Lanes(dispatch_database)
    for order_id in (1, 2):
        await lanes.put(order_id, 1)
    for claim in await lanes.claim():
        await lanes.settle(claim, Applied(None))
    await _run(dispatch_database, "UPDATE attempt SET started_at = now() - interval '25 hours' WHERE order_id = 1")
    await _run(dispatch_database, "UPDATE intake_event SET taken_at = now() - interval '25 hours' WHERE order_id = 1")

    assert await _round(dispatch_database) == {
        "attempt": 1,
        "intake_event": 1,
        "delivery_event": 0,
        "rejected_event": 0,
        "order_state": 0,
    }

    assert await _values(dispatch_database, "SELECT order_id FROM attempt") == [2]
    assert await _values(dispatch_database, "SELECT order_id FROM intake_event") == [2]
    assert len(await _values(dispatch_database, "SELECT id FROM lane")) == 2


@pytest.mark.parametrize("table", ["rejected_event", "delivery_event"])
async def test_what_is_not_on_its_topic_stays_however_old(dispatch_database: Database, table: str) -> None:
    rows = {
        "rejected_event": (
            "INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, reason, detail, record_headers,"
            " rejected_at, published_at) VALUES ('c', 't', 0, $1::int, 'r', '', '[]', now() - interval '2 days', $2)"
        ),
        "delivery_event": (
            "INSERT INTO delivery_event (event_id, type, order_id, data, occurred_at, published_at)"
            " VALUES (gen_random_uuid(), 't', $1::int, '{}', now() - interval '2 days', $2)"
        ),
    }
    async with dispatch_database.connection() as connection:
        now = await connection.fetchval("SELECT now()")
        long_ago = await connection.fetchval("SELECT now() - interval '25 hours'")
    for number, published_at in enumerate((None, now, long_ago)):
        await _run(dispatch_database, rows[table], number, published_at)

    assert (await _round(dispatch_database))[table] == 1

    key = "record_offset" if table == "rejected_event" else "order_id"
    assert await _values(dispatch_database, f"SELECT {key} FROM {table} ORDER BY 1") == [0, 1]


async def _settled(lanes: Lanes, order_id: int, version: int = 1) -> None:
    await lanes.put(order_id, version)
    for claim in await lanes.claim():
        await lanes.settle(claim, Applied(None))


async def _age(lanes: Lanes) -> None:
    await lanes.run("UPDATE order_state SET changed_at = now() - interval '25 hours'")


async def test_an_order_is_forgotten_once_every_provider_has_it(dispatch_database: Database) -> None:
    lanes = Lanes(dispatch_database)
    await _settled(lanes, 1)
    await lanes.put(2, 1)  # due
    await lanes.put(3, 1)
    [dead] = [claim for claim in await lanes.claim() if claim.lane.order_id == 3]
    await lanes.settle(dead, Rejected("invalid"))
    await _settled(lanes, 4)
    await lanes.run("UPDATE lane SET resting = 'unsupported' WHERE order_id = 4")
    await _settled(lanes, 5)
    await lanes.run("UPDATE lane SET in_doubt = true WHERE order_id = 5")
    await lanes.delete(6, 1)
    await _age(lanes)
    await _settled(lanes, 7)

    assert (await _round(dispatch_database))["order_state"] == 3

    assert await _values(dispatch_database, "SELECT order_id FROM order_state ORDER BY 1") == [2, 3, 5, 7]
    assert (await lanes.lane(1))["applied_present"]


async def test_a_forgotten_order_that_changes_again_is_updated_and_not_made_twice(dispatch_database: Database) -> None:
    lanes = Lanes(dispatch_database)
    await lanes.put(1, 1)
    [claim] = await lanes.claim()
    await lanes.settle(claim, Applied(RemoteRef("remote-1")))
    await _age(lanes)
    await _round(dispatch_database)
    async with dispatch_database.transaction() as connection:
        assert await replay(connection, [(await lanes.lane(1))["id"]]) == 0
    assert await lanes.claim() == []

    await lanes.put(1, 2)

    [again] = await lanes.claim()
    assert (again.lane.applied_present, again.lane.remote) == (True, "remote-1")


async def test_a_step_walks_past_what_must_stay(dispatch_database: Database) -> None:
    lanes = Lanes(dispatch_database)
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 1_201)])
    await lanes.run("UPDATE lane SET due_at = NULL, applied_generation = desired_generation WHERE order_id > 1100")
    await _age(lanes)

    assert (await _round(dispatch_database))["order_state"] == 100
    assert (await _round(dispatch_database))["order_state"] == 0
    await lanes.run("UPDATE lane SET due_at = NULL, applied_generation = desired_generation WHERE order_id < 11")
    assert (await _round(dispatch_database))["order_state"] == 10


async def test_one_process_prunes_at_a_time(dispatch_database: Database) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: Connection) -> Step:
        entered.set()
        await leave.wait()
        return Step(7, more=False)

    async def other(_: Connection) -> Step:
        raise AssertionError("two at once")

    first = asyncio.create_task(Pruner(dispatch_database, LOCK, {"attempt": slow}).run_once())
    await entered.wait()
    assert await Pruner(dispatch_database, LOCK, {"attempt": other}).run_once() == {"attempt": 0}
    leave.set()
    assert await first == {"attempt": 7}


async def test_many_rows_go_in_many_steps(api_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "STEP_ROWS", 10)
    await _run(
        api_database,
        "INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value, published_at)"
        " SELECT n, gen_random_uuid(), 't', 1, now(), '{}', now() - interval '2 days' FROM generate_series(1, 35) n",
    )
    steps: list[int] = []
    prune = oldest_first("outbox", "published_at < {cutoff}", DAY_S)

    async def counted(connection: Connection) -> Step:
        step = await prune(connection)
        steps.append(step.deleted)
        return step

    before = REGISTRY.get_sample_value("sendto_pruned_rows_total", {"table": "outbox"}) or 0

    assert await Pruner(api_database, LOCK, {"outbox": counted}).run_once() == {"outbox": 35}

    assert steps == [10, 10, 10, 5, 0]
    assert REGISTRY.get_sample_value("sendto_pruned_rows_total", {"table": "outbox"}) == before + 35


async def test_the_outbox_keeps_what_is_not_published_and_what_was_lately(api_database: Database) -> None:
    ages = {1: "NULL", 2: "now()", 3: "now() - interval '25 hours'", 4: "now() - interval '23 hours'"}
    for order_id, published in ages.items():
        await _run(
            api_database,
            "INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value, published_at)"
            f" VALUES ($1, gen_random_uuid(), 't', 1, now() - interval '9 days', '{{}}', {published})",
            order_id,
        )

    assert await Pruner(api_database, LOCK, {"outbox": prune_published(DAY_S)}).run_once() == {"outbox": 1}

    assert await _values(api_database, "SELECT order_id FROM outbox ORDER BY 1") == [1, 2, 4]


async def test_stored_answers_go_after_their_day(api_database: Database) -> None:
    for key, hours in (("old", 25), ("young", 23)):
        await _run(
            api_database,
            "INSERT INTO idempotency_key (token_id, method, path, key, request_hash, status, body, created_at)"
            " VALUES (gen_random_uuid(), 'POST', '/v3/orders', $1, '', 201, '', now() - $2 * interval '1 hour')",
            key,
            hours,
        )

    assert await Pruner(api_database, LOCK, {"key": prune_answers(DAY_S)}).run_once() == {"key": 1}

    assert await _values(api_database, "SELECT key FROM idempotency_key") == ["young"]


def test_orders_are_known_longer_than_any_older_event_lives() -> None:
    with pytest.raises(ValidationError, match="rejected event"):
        RetentionSettings(order_states_s=29 * DAY_S)
    section = DispatcherSection(database_url=SecretStr("postgresql://nobody@127.0.0.1/none"))
    short = section.model_copy(update={"retention": RetentionSettings(order_states_s=13 * DAY_S, rejected_events_s=1)})
    with pytest.raises(ValidationError, match="order_states_s is 1123200"):
        DispatcherSettings(dispatcher=short)
