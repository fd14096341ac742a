"""Rules 35 and 37: no NOTIFY in a write's transaction; what hot tables are made with; every statement has an end."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from infra.eventually import eventually
from infra.lanes import Lanes
from infra.postgres import settings

import sendto_api
import sendto_dispatcher
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.notify import Notifier
from sendto.sdk import Applied
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
