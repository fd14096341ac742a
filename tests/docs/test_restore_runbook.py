"""Every step of deploy/runbooks/restore.md is done against real services, and afterwards everything is right.

A step with shell lines is run as it stands; one without must be named here, with what does it. Each section has a test.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from faults.rig.backup import Backup
from infra.eventually import eventually
from infra.postgres import Databases
from infra.runbook import Step, sections
from infra.sandbox import sandbox
from infra.servers import OwnKafka
from infra.stage import PROVIDER, Stage
from infra.topics import new_topics, read_all

from sendto.runtime.settings import TopicSettings

PAGE = Path(__file__).parents[2] / "deploy" / "runbooks" / "restore.md"
SECTIONS = sections(PAGE)
SHOP = "/shop/two"
Hand = Callable[[], Awaitable[object]]
Hands = Mapping[str, Hand]


@pytest.fixture
async def stage(tmp_path: Path, databases: Databases, kafka: str, topics: TopicSettings) -> AsyncIterator[Stage]:
    """The system, with its parts not yet started, and tokens."""
    async with _stage(tmp_path, databases, kafka, topics) as made:
        yield made


@asynccontextmanager
async def _stage(folder: Path, databases: Databases, kafka: str, topics: TopicSettings) -> AsyncIterator[Stage]:
    (folder / "secret").write_text("first")
    async with (
        databases.migrated("api") as api_url,
        databases.migrated("dispatcher") as dispatch_url,
        sandbox(folder / "sandbox", "first") as provider,
    ):
        stage = Stage(folder, {"api": api_url, "dispatcher": dispatch_url}, kafka, topics, provider)
        stage.configure()
        await stage.tokens()
        try:
            yield stage
        finally:
            await stage.stop()


async def _follow(stage: Stage, title: str, hands: Hands, **variables: str) -> dict[int, str]:
    """Do every step of a section in its order; what the commands printed, by the step's number."""
    left, printed = dict(hands), {}
    for number, step in enumerate(SECTIONS[title], start=1):
        if step.shell is not None:
            printed[number] = await stage.shell(step.shell, **variables)
        else:
            await left.pop(_key(step, left))()
    assert not left, f"no such step: {sorted(left)}"
    return printed


def _key(step: Step, hands: Hands) -> str:
    [key] = [key for key in hands if step.says.startswith(key)]
    return key


async def _nothing() -> None:
    """What is done outside of us, and is done already."""


def _backup(databases: Databases, stage: Stage, name: str) -> Backup:
    return Backup(databases.url("postgres"), stage.urls[name].rsplit("/", 1)[1])


async def _converged(stage: Stage) -> None:
    """Wait until every lane is at rest with what it should hold."""

    async def at_rest() -> bool:
        return not await stage.value("SELECT count(*) FROM lane WHERE due_at IS NOT NULL")

    await eventually(at_rest)


def test_every_section_has_its_test() -> None:
    followed = Path(__file__).read_text(encoding="utf-8")

    assert [title for title in SECTIONS if f'"{title}"' not in followed] == []
    assert all(SECTIONS.values())


async def test_a_provider_that_lost_its_data(stage: Stage) -> None:
    await stage.start("api", "relay", "dispatcher")
    kept, changed, deleted = [await stage.order() for _ in range(3)]
    for order_id in (kept, changed, deleted):
        await stage.provider.holds(order_id)
    yesterday = {one: await stage.provider.get(one) for one in (changed, deleted)}
    await stage.rename(changed, "Newer")
    await stage.call("DELETE", f"/v3/orders/{deleted}/customer")
    await stage.provider.holds(changed, first_name="Newer")
    await stage.provider.lacks(deleted)
    await _converged(stage)

    async def restored() -> None:
        await stage.provider.remove(kept)
        for order_id, state in yesterday.items():
            await stage.provider.put(order_id, state)

    printed = await _follow(stage, "A provider lost its data", {"Wait until the provider is back": restored})

    await stage.provider.holds(changed, first_name="Newer")
    await stage.provider.holds(kept)
    await stage.provider.lacks(deleted)
    assert "3 differ, 3 of them are delivered again" in printed[4]


async def test_the_dispatcher_s_database(stage: Stage, databases: Databases) -> None:
    await stage.start("api", "relay", "dispatcher")
    changed, deleted = [await stage.order() for _ in range(2)]
    for order_id in (changed, deleted):
        await stage.provider.holds(order_id)
    await _converged(stage)
    backup = _backup(databases, stage, "dispatcher")
    await backup.take()
    await stage.rename(changed, "Newer")
    await stage.call("DELETE", f"/v3/orders/{deleted}/customer")
    made = await stage.order("Made since")
    await stage.provider.holds(made)
    await stage.provider.holds(changed, first_name="Newer")
    await stage.provider.lacks(deleted)

    await _follow(
        stage,
        "The dispatcher's database was restored",
        {
            "Stop every dispatcher.": partial(stage.stop, "dispatcher"),
            "Restore the database.": backup.restore,
            "Start the dispatchers.": partial(stage.start, "dispatcher"),
        },
    )

    await _converged(stage)
    await stage.provider.holds(changed, first_name="Newer")
    await stage.provider.holds(made, first_name="Made since")
    await stage.provider.lacks(deleted)
    assert await stage.provider.count() == 2


async def test_the_api_s_database(stage: Stage, databases: Databases) -> None:
    await stage.start("api", "relay", "dispatcher")
    changed, deleted, erased = [await stage.order() for _ in range(3)]
    for order_id in (changed, deleted, erased):
        await stage.provider.holds(order_id)
    backup = _backup(databases, stage, "api")
    await backup.take()
    await stage.rename(changed, "Newer")
    for order_id in (deleted, erased):
        await stage.call("DELETE", f"/v3/orders/{order_id}/customer")
    lost = await stage.order("Lost")
    await stage.provider.holds(lost)
    await stage.provider.holds(changed, first_name="Newer")
    for order_id in (deleted, erased):
        await stage.provider.lacks(order_id)

    printed = await _follow(
        stage,
        "The API's database was restored",
        {
            "Stop the API and the relay.": partial(stage.stop, "api", "relay"),
            "Restore the database.": backup.restore,
            "Start the API.": partial(stage.start, "api"),
            "Start the relay.": partial(stage.start, "relay"),
        },
        ERASED_ORDER=str(erased),
        LOST_ORDER=str(lost),
    )

    for words in (f"order {lost}  missing", f"order {changed}  older", f"order {deleted}  back", f"is {lost}"):
        assert words in printed[5]
    await stage.provider.holds(changed, first_name="Ada")
    await stage.provider.holds(deleted)
    await stage.provider.lacks(erased)
    await stage.provider.holds(lost, first_name="Lost")
    assert await stage.order("Fresh") > lost


@pytest.mark.kills_kafka
async def test_kafka(tmp_path: Path, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> None:
    with OwnKafka(tmp_path_factory.mktemp("kafka")).running() as first:
        topics = await new_topics(first.bootstrap_servers)
        async with _stage(tmp_path, databases, first.bootstrap_servers, topics) as stage:
            await stage.start("api", "relay", "dispatcher")
            before = await stage.order()
            await stage.provider.holds(before)
            await stage.stop("dispatcher")
            under_way = await stage.order("Under way")

            async def published() -> bool:
                return len(await read_all(first.bootstrap_servers, topics.events)) == 2

            await eventually(published)
            first.kill()
            waiting = await stage.order("Waiting")

            async def brought_up() -> None:
                first.empty()
                first.start()
                await stage.start("dispatcher")

            await _follow(stage, "Kafka was lost", {"Bring up the new cluster.": brought_up})

            await stage.provider.holds(before)
            await stage.provider.holds(under_way, first_name="Under way")
            await stage.provider.holds(waiting, first_name="Waiting")


async def test_a_poisoned_source(stage: Stage) -> None:
    both = ["/sendto/api", SHOP]
    stage.configure(allow=both)
    await stage.start("dispatcher")
    async with stage.upstream(SHOP) as shop:
        await shop.put(7, 2**62, first_name="Absurd")
        await stage.provider.holds(7, first_name="Absurd")

        async def unheard() -> None:
            stage.configure(allow=["/sendto/api"])
            number = 0

            async def turned_away() -> bool:
                nonlocal number
                number += 1
                await shop.put(100 + number, 1, first_name="Meanwhile")
                return bool(await stage.value("SELECT count(*) FROM rejected_event"))

            await eventually(turned_away)

        async def heard() -> None:
            stage.configure(allow=both)
            number = 0

            async def taken() -> bool:
                nonlocal number
                number += 1
                await shop.put(200, number, first_name="Heard")
                return await stage.provider.get(200) is not None

            await eventually(taken)

        await _follow(
            stage,
            "A source is poisoned",
            {
                "Stop hearing it": unheard,
                "Wait until the source is mended.": _nothing,
                "Hear it again": heard,
                "Let the source publish": partial(shop.put, 7, 5, first_name="True"),
            },
            POISONED=SHOP,
            TRUE_VERSION="1000",
        )

        await stage.provider.holds(7, first_name="True")
        await stage.provider.holds(101, first_name="Meanwhile")


async def test_rotated_credentials(stage: Stage) -> None:
    await stage.start("api", "relay", "dispatcher")
    await stage.shell(
        "sendto token create --permissions 'orders:*' --name shop-old --quiet\n"
        "sendto token create --for ops --permissions ops:read --name night-old --quiet"
    )
    before = await stage.order()
    await stage.provider.holds(before)

    async def rotated() -> None:
        stage.provider.want("second")
        (stage.folder / "secret").write_text("second")

        async def taken() -> bool:
            return bool((await stage.ops("POST", f"/providers/{PROVIDER}/check", {}))["verdict"] == "passes")

        await eventually(taken)

    await _follow(
        stage,
        "Credentials are rotated",
        {"Of a provider: put the new secret": rotated, "Of a database or of Kafka": _nothing},
    )

    await stage.rename(before, "Newer")
    await stage.provider.holds(before, first_name="Newer")
    for door, name in (("api", "shop"), ("ops", "night")):
        rows = json.loads(await stage.shell(f"sendto token list --for {door} --json"))
        revoked = {row["name"]: row["revoked_at"] is not None for row in rows}
        assert (revoked[f"{name}-old"], revoked[f"{name}-new"]) == (True, False)


async def test_a_provider_that_moved(stage: Stage, tmp_path: Path) -> None:
    await stage.start("api", "relay", "dispatcher")
    kept, lost = await stage.order(), await stage.order()
    for order_id in (kept, lost):
        await stage.provider.holds(order_id)
    await _converged(stage)
    async with sandbox(tmp_path / "moved", "first") as moved:
        await moved.put(kept, await stage.provider.get(kept))
        stays = stage.provider

        async def loaded(**changes: Any) -> None:
            before = await stage.digest()
            stage.configure(**changes)

            async def in_force() -> bool:
                return await stage.digest() != before

            await eventually(in_force)

        await _follow(
            stage,
            "A provider moved",
            {
                "Wait until the provider has moved.": _nothing,
                "Put the new address into the configuration.": partial(loaded, url=moved.url),
                "To give it another name": partial(loaded, provider="acme-eu", enabled=False),
                "Take `enabled = false` away.": partial(loaded, enabled=True),
            },
        )

        await stage.rename(kept, "Moved")
        await moved.holds(kept, first_name="Moved")
        await moved.holds(lost)
        assert await moved.count() == 2
        assert len(await stays.log(kept)) == 1


async def _widen(url: str) -> None:
    """What a migration of the next release may do: more columns, more tables."""
    connection = await asyncpg.connect(url)
    try:
        for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            await connection.execute(f"ALTER TABLE \"{row[0]}\" ADD COLUMN next_release text DEFAULT 'new'")
        await connection.execute("CREATE TABLE next_release (id bigint PRIMARY KEY)")
    finally:
        await connection.close()


async def _works(stage: Stage) -> None:
    """An order's whole way, and what ops ask."""
    order_id = await stage.order("First")
    await stage.provider.holds(order_id, first_name="First")
    await stage.rename(order_id, "Second")
    await stage.provider.holds(order_id, first_name="Second")
    for statuses in ({"status_id": 2}, {"status_id": 3}):
        await stage.call("PATCH", f"/v3/orders/{order_id}", statuses)
    await stage.call("GET", "/v3/orders?include=customer,address,status_history")
    await stage.call("DELETE", f"/v3/orders/{order_id}/customer")
    await stage.provider.lacks(order_id)
    for path in (f"/orders/{order_id}", "/overview", "/lanes", "/changes", "/replays", "/providers", "/sources"):
        await stage.ops("GET", path)


async def test_processes_of_both_releases(stage: Stage) -> None:
    await stage.start("api", "relay", "dispatcher")
    await _works(stage)
    for url in stage.urls.values():
        await _widen(url)
    await _works(stage)

    async def replaced() -> None:
        old = stage.release("dispatcher")
        await stage.start("dispatcher")
        await _works(stage)  # both at once
        await old.aclose()
        for name in ("api", "relay"):
            before = stage.release(name)
            await stage.start(name)
            await before.aclose()
        await _works(stage)

    printed = await _follow(
        stage,
        "Rolling upgrade",
        {"Replace one process after the other": replaced, "To go back": _nothing},
    )

    assert len(json.loads(printed[3])["processes"]) >= 1
