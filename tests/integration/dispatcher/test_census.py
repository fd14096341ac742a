"""The lanes in numbers: counted in steps by whichever process comes first, exact where nothing changes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from infra.filled import fill
from infra.lanes import Lanes
from infra.postgres import Databases, connected
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Connection, Database
from sendto.sdk import Applied, Rejected, RemoteRef
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.store.census import STRETCH, LaneNumbers, count_some, lane_numbers

_MANY = 2 * STRETCH + 100
_LONG = 1_000_000.0
"""a pause that no test waits for"""


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """A dispatcher's database without a lane."""
    async with databases.migrated("dispatcher") as url, connected(url) as database:
        yield database


async def _step(database: Database, *, pause: float = 0.0, every_s: float = 0.0) -> float:
    async def step(connection: Connection) -> float:
        return await count_some(connection, pause=pause, every_s=every_s)

    return await database.in_transaction(step)


async def _numbers(database: Database) -> LaneNumbers:
    async with database.connection() as connection:
        return await lane_numbers(connection)


async def test_a_new_database_is_counted_already(database: Database) -> None:
    numbers = await _numbers(database)

    assert numbers.counts == {}
    assert numbers.counted_at is not None


async def test_before_the_first_count_of_what_is_there_nothing_is_told_and_it_makes_no_pauses(
    database: Database,
) -> None:
    direct = await database.direct()
    await fill(direct, STRETCH + 1)
    await direct.execute("UPDATE lane_census SET counted_at = NULL")
    await direct.close()

    assert await _step(database, pause=_LONG) < _LONG / 2
    assert (await _numbers(database)).counted_at is None
    await _step(database, pause=_LONG)
    assert sum((await _numbers(database)).counts.values()) == STRETCH + 1


async def test_few_lanes_are_counted_by_one_step_in_every_state(database: Database) -> None:
    lanes = Lanes(database)
    for order_id in range(1, 6):
        await lanes.put(order_id, 1)
    applied, dead, leased = await lanes.claim(3)
    await lanes.settle(applied, Applied(RemoteRef("r-1")))
    await lanes.settle(dead, Rejected("email_invalid"))
    await _step(database)

    numbers = await _numbers(database)

    assert leased.lane.lease_token is not None
    assert numbers.counts == {
        ("sandbox", "converged"): 1,
        ("sandbox", "dead"): 1,
        ("sandbox", "leased"): 1,
        ("sandbox", "due"): 2,
    }
    assert (numbers.behind_s["sandbox"] > 0, numbers.overdue_s["sandbox"] > 0) == (True, True)
    assert numbers.overdue_s.keys() == {"sandbox"}


async def test_a_lane_that_rests_says_nothing_of_the_oldest_change(database: Database) -> None:
    lanes = Lanes(database)
    await lanes.put(1, 1)
    [dead] = await lanes.claim(1)
    await lanes.settle(dead, Rejected("email_invalid"))
    await _step(database)

    numbers = await _numbers(database)

    assert (numbers.behind_s, numbers.overdue_s) == ({"sandbox": 0.0}, {"sandbox": 0.0})


async def test_many_lanes_are_counted_in_steps_and_told_when_all_are(database: Database) -> None:
    direct = await database.direct()
    await fill(direct, _MANY)
    await direct.close()
    async with database.connection() as connection:
        expected = await connection.fetchval("SELECT count(*) FROM lane WHERE resting = 'dead'")
    for _ in range(2):
        await _step(database)
        assert (await _numbers(database)).counts == {}
    await _step(database)

    numbers = await _numbers(database)

    assert sum(numbers.counts.values()) == _MANY
    assert sum(lanes for (_, state), lanes in numbers.counts.items() if state == "dead") == expected == _MANY // 100


async def test_between_two_counts_and_after_a_step_the_whole_fleet_waits(database: Database) -> None:
    assert await _step(database, every_s=_LONG) > _LONG / 2
    before = await _numbers(database)
    await Lanes(database).put(1, 1)

    waits_s = await _step(database)

    assert waits_s > _LONG / 2
    after = await _numbers(database)
    assert (after.counts, after.counted_at, after.behind_s) == (before.counts, before.counted_at, before.behind_s)


async def test_what_nobody_has_looked_for_lately_is_not_told(database: Database) -> None:
    await Lanes(database).put(1, 1)
    await _step(database)
    assert (await _numbers(database)).behind_s.keys() == {"sandbox"}
    direct = await database.direct()
    await direct.execute("UPDATE lane_census SET oldest_next_at = now() - interval '1 hour'")
    await direct.close()

    stopped = await _numbers(database)
    await _step(database)
    again = await _numbers(database)

    assert (stopped.behind_s, stopped.overdue_s) == ({}, {})
    assert stopped.counts == {("sandbox", "due"): 1}
    assert again.behind_s.keys() == again.overdue_s.keys() == {"sandbox"}


async def test_who_scrapes_does_not_wait_until_lanes_are_counted(
    settings: Settings, ops_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, counted = asyncio.Event(), asyncio.Event()

    async def never(_: LaneCensus) -> float:
        counting.set()
        await counted.wait()
        return _LONG

    monkeypatch.setattr(LaneCensus, "step", never)
    async with dispatching(settings, ops_token) as caller:
        assert (await caller("GET", "/metrics")).status == 200
        await counting.wait()
        overview = asyncio.create_task(caller("GET", "/ops/overview"))

        assert (await caller("GET", "/metrics")).status == 200
        assert not overview.done()
        counted.set()
        assert (await overview).status == 200


async def test_a_step_leaves_those_who_look_the_connection_that_they_had(
    settings: Settings, ops_token: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one would have to be opened, and would know none of their statements."""
    counting, counted = asyncio.Event(), asyncio.Event()

    async def long(census: LaneCensus) -> float:
        async with census._database.connection():  # noqa: SLF001 - as a step does
            counting.set()
            await counted.wait()
        return _LONG

    monkeypatch.setattr(LaneCensus, "step", long)
    async with dispatching(settings, ops_token) as caller:
        await caller("GET", "/metrics")
        await counting.wait()
        for path in ("/ops/lanes", "/ops/orders/1", "/metrics"):
            await caller("GET", path)
        opened = await rows(
            "SELECT application_name FROM pg_stat_activity"
            " WHERE application_name = 'sendto-dispatcher-ops' AND datname = current_database()"
        )
        counted.set()

    assert len(opened) == 1


async def test_one_process_counts_at_a_time(database: Database) -> None:
    await Lanes(database).put(1, 1)

    async with database.transaction() as one:
        await count_some(one, pause=0.0, every_s=0.0)
        async with asyncio.timeout(10), database.transaction() as other:
            await count_some(other, pause=0.0, every_s=0.0)
            assert (await lane_numbers(other)).counts == {}

    assert (await _numbers(database)).counts == {("sandbox", "due"): 1}
