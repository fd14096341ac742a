"""Rules 35 and 37: no NOTIFY in a write's transaction; what hot tables are made with; every statement has an end."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from infra.eventually import eventually
from infra.lanes import NAME, Lanes
from infra.postgres import Databases, connected, settings
from infra.proxy import proxied

import sendto_api
import sendto_dispatcher
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.listen import listen
from sendto.runtime.notify import Notifier
from sendto.sdk import Applied
from sendto_dispatcher.store import claims
from sendto_dispatcher.store.claims import CHANNEL

_ROOTS = (Path(sendto_api.__path__[0]), Path(sendto_dispatcher.__path__[0]))


@asynccontextmanager
async def _heard(lanes: Lanes, channel: str) -> AsyncIterator[list[str]]:
    """What is notified on the channel while the block runs, in the order of commits."""
    heard: list[str] = []
    connection = await asyncpg.connect(lanes.database.url)
    try:
        await connection.add_listener(channel, lambda *notified: heard.append(str(notified[3])))
        yield heard
    finally:
        await connection.close()


async def test_rule_35_taking_claiming_and_settling_notify_nobody_by_themselves(lanes: Lanes) -> None:
    async with _heard(lanes, CHANNEL) as heard:
        await lanes.put(7, 1)
        [claim] = await lanes.claim()
        await lanes.settle(claim, Applied(None))
        await lanes.delete(7, 2)
        await lanes.run("SELECT pg_notify($1, 'last')", CHANNEL)

        async def told() -> bool:
            return "last" in heard

        await eventually(told)
        assert heard == ["last"]


async def test_rule_35_many_commits_are_told_by_one_notification(lanes: Lanes) -> None:
    notify = Notifier(lanes.database, CHANNEL)
    async with _heard(lanes, CHANNEL) as heard:
        for _ in range(100):
            notify()
        running = asyncio.create_task(notify.run())

        async def told() -> bool:
            return bool(heard)

        await eventually(told)
        await lanes.run("SELECT pg_notify($1, 'last')", CHANNEL)

        async def last() -> bool:
            return "last" in heard

        await eventually(last)
        running.cancel()
    assert heard == ["", "last"]


async def test_rule_35_who_listens_takes_no_connection_of_the_pool(dispatch_url: str) -> None:
    database = Database(settings(dispatch_url).model_copy(update={"pool_max_size": 1}), application_name="test")
    woken = asyncio.Event()
    async with database.connection() as the_only_one:
        listening = asyncio.create_task(listen(database, CHANNEL, woken.set))
        await asyncio.wait_for(woken.wait(), 60)
        woken.clear()
        await the_only_one.execute("SELECT pg_notify($1, '')", CHANNEL)
        await asyncio.wait_for(woken.wait(), 60)
    listening.cancel()
    await asyncio.wait({listening})
    await database.close()


def test_rule_35_a_notification_is_a_statement_of_its_own() -> None:
    """Nothing that writes carries one along."""
    alone = """.execute("SELECT pg_notify($1, '')", CHANNEL)"""
    odd = [
        f"{path.relative_to(root)}: {line.strip()}"
        for root in _ROOTS
        for path in root.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"pg_notify|\bNOTIFY\s+\w+\s*[;,\"\']", line) and alone not in line
    ]
    assert odd == []


async def test_rule_35_no_trigger_does_it_either(lanes: Lanes) -> None:
    assert await lanes.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []


async def test_rule_37_hot_tables_leave_room_and_are_vacuumed_early(lanes: Lanes) -> None:
    rows = await lanes.rows("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL")
    options = {row["relname"]: dict(one.split("=") for one in row["reloptions"]) for row in rows}

    for table in ("lane", "order_state", "provider_state"):
        assert int(options[table]["fillfactor"]) < 100
        assert float(options[table]["autovacuum_vacuum_scale_factor"]) <= 0.02


async def test_rule_37_what_is_looked_for_all_the_time_has_a_partial_index(lanes: Lanes) -> None:
    rows = await lanes.rows("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%WHERE%'")
    partial = {row["indexname"]: row["indexdef"].partition(" WHERE ")[2] for row in rows}

    assert partial["lane_due_idx"] == "(due_at IS NOT NULL)"
    assert partial["rejected_event_unpublished_idx"] == "(published_at IS NULL)"
    assert partial["delivery_event_unpublished_idx"] == "(published_at IS NULL)"


async def test_rule_37_every_statement_has_an_end(dispatch_url: str) -> None:
    database = Database(settings(dispatch_url).model_copy(update={"statement_timeout_s": 0.1}), application_name="test")
    try:
        with pytest.raises(DatabaseAway):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")
    finally:
        await database.close()


async def _buffers(lanes: Lanes, since: datetime | None) -> int:
    """Pages that a claim reads before it finds that nothing more is due; undone."""
    request = await lanes.request()
    statement = vars(claims)["_CLAIM"]
    arguments = (request.token, "test", 60.0, NAME, request.database, 100, 100, since)
    async with lanes.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for other in ("seqscan", "bitmapscan", "sort"):  # what no large table would be read by
            await connection.execute(f"SET LOCAL enable_{other} = off")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
        await transaction.rollback()
    [top] = plan
    return int(top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"])


async def test_rule_37_a_claim_since_the_last_one_steps_over_no_dead_entries(lanes: Lanes) -> None:
    """An old snapshot keeps VACUUM, and the index itself, from forgetting what was claimed and settled."""
    reader = await asyncpg.connect(lanes.database.url)
    snapshot = reader.transaction(isolation="repeatable_read")
    await snapshot.start()
    await reader.fetchval("SELECT count(*) FROM lane")
    try:
        await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 3001)])
        latest: datetime | None = None
        while found := await lanes.claim(500, hanging=0, since=latest):
            latest = max(claim.lane.due_at for claim in found if claim.lane.due_at)
            await lanes.settle_all([(claim, lanes.finished(claim, Applied(None))) for claim in found])
        assert latest is not None
        full, bounded = await _buffers(lanes, None), await _buffers(lanes, latest)
    finally:
        await snapshot.rollback()
        await reader.close()

    assert await lanes.rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL") == []
    assert bounded * 5 < full, f"{bounded} pages of {full}"


async def test_rule_37_a_claim_does_not_look_at_lanes_that_wait(lanes: Lanes) -> None:
    await lanes.take([lanes.event(order_id, 1) for order_id in range(1, 3001)])
    few = await _buffers(lanes, None)
    await lanes.run("UPDATE lane SET due_at = now() + interval '1 hour' WHERE order_id > 10")
    await lanes.run("VACUUM lane")

    waiting = await _buffers(lanes, None)

    assert waiting < few, f"{waiting} pages beside {few}"


async def test_a_database_that_lets_nobody_in_is_away_and_serves_again(databases: Databases) -> None:
    """As it is while it is restored: nothing may end because of that."""
    async with databases.empty() as url, connected(url) as database:
        name = url.rsplit("/", 1)[1]
        await _alter(databases, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        with pytest.raises(DatabaseAway):
            await database.ping()
        with pytest.raises(DatabaseAway):
            await database.direct()
        await _alter(databases, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await database.ping()


async def test_a_database_that_is_silent_is_away_as_soon_as_a_connection_would_have_to_be_there(
    databases: Databases,
) -> None:
    """A frozen server keeps its connections: a statement would wait for half a minute and more."""
    async with databases.empty() as url:
        place = urlsplit(url)
        async with proxied(str(place.hostname), int(place.port or 0)) as proxy:
            near = place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{proxy.port}")
            async with connected(near.geturl()) as database:
                await database.ping()
                proxy.silence()
                async with asyncio.timeout(settings(url).statement_timeout_s):
                    for _ in range(2):
                        with pytest.raises(DatabaseAway):
                            await database.ping()
                proxy.go_on()

                async def answers() -> bool:
                    with suppress(DatabaseAway):
                        await database.ping()
                        return True
                    return False

                await eventually(answers)


async def _alter(databases: Databases, statement: str) -> None:
    connection = await asyncpg.connect(databases.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
