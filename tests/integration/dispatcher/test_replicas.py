"""Several dispatchers, as processes of their own: they share the work, and take over from one that dies."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.processes import Service, running
from infra.sandbox import Provider
from infra.secret_settings import source_of
from infra.servers import free_port
from integration.dispatcher.conftest import Rows, Settings


def to_toml(settings: Settings, provider_url: str) -> str:
    """A configuration file of these settings: one sandbox provider at this address."""
    topics = "\n".join(f"{name} = {value!r}" for name, value in settings["topics"].items())
    return f"""
[kafka]
bootstrap_servers = "{settings["kafka"]["bootstrap_servers"]}"
[topics]
{topics}
[dispatcher]
database_url = "{source_of(settings["dispatcher"]["database_url"])}"
digest_key = "{source_of("for tests")}"
idle_transaction_timeout_s = 2
[dispatcher.intake]
session_timeout_s = 2
batch_records = 20
[dispatcher.engine]
lease_margin_s = 1
poll_interval_s = 0.2
claim_lanes = 8
[providers.sandbox]
adapter = "sandbox"
config.url = "{provider_url}"
limits = {{ concurrency = 8, timeout_s = 2 }}
retry = {{ base_s = 0.05, cap_s = 0.2 }}
[routing]
default = ["sandbox"]
"""


@pytest.fixture
async def two(settings: Settings, provider: Provider, tmp_path: Path) -> AsyncIterator[list[Service]]:
    """Two dispatchers of one group."""
    config = tmp_path / "sendto.toml"
    config.write_text(to_toml(settings, provider.url))
    async with AsyncExitStack() as stack:
        services = []
        for number in (1, 2):
            port = free_port()
            env = {"SENDTO_CONFIG": str(config), "SENDTO_DISPATCHER__PORT": str(port)}
            service = Service("dispatcher", env, f"http://127.0.0.1:{port}", tmp_path / f"dispatcher-{number}.log")
            services.append(await stack.enter_async_context(running(service)))
        yield services


async def _replicas(rows: Rows) -> set[str]:
    return {row["replica"] for row in await rows("SELECT DISTINCT replica FROM attempt")}


async def test_two_dispatchers_share_the_partitions_and_the_work(
    two: list[Service], upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    assert len(two) == 2
    await provider.behave(latency_s=0.02)
    for order_id in range(1, 201):
        await upstream.put(order_id, 1)

    for order_id in range(1, 201):
        await provider.holds(order_id)

    assert len(await _replicas(rows)) == 2
    assert len(await provider.log()) == 200


async def test_one_is_killed_and_the_other_takes_everything_over(
    two: list[Service], upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await provider.behave(latency_s=0.05)
    for order_id in range(1, 201):
        await upstream.put(order_id, 1)
    await provider.holds(20)

    await two[0].kill()
    for order_id in range(1, 201):
        await upstream.put(order_id, 2, first_name="Newer")

    for order_id in range(1, 201):
        await provider.holds(order_id, version=2, first_name="Newer")

    async def settled() -> bool:
        return not await rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL")

    await eventually(settled)
    assert await provider.count() == 200
    versions: dict[str, list[int]] = {}
    for entry in await provider.log():
        versions.setdefault(entry["reference"], []).append(entry["version"])
    assert all(sent == sorted(sent) for sent in versions.values())


async def test_one_joins_and_one_leaves_in_good_order_while_events_flow(
    two: list[Service], upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    for order_id in range(1, 101):
        await upstream.put(order_id, 1)
    code = await two[0].end(signal.SIGTERM)
    for order_id in range(101, 201):
        await upstream.put(order_id, 1)
    await two[0].start()
    for order_id in range(201, 301):
        await upstream.put(order_id, 1)

    for order_id in range(1, 301):
        await provider.holds(order_id)

    assert code == 0
    repeated: list[Any] = await rows("SELECT order_id FROM attempt GROUP BY order_id HAVING count(*) > 1")
    assert repeated == []
    assert len(await provider.log()) == 300


async def test_a_frozen_one_wakes_up_and_overwrites_nothing(
    two: list[Service], upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await provider.behave(latency_s=0.1)
    for order_id in range(1, 101):
        await upstream.put(order_id, 1)
    await provider.holds(1)

    two[0].send(signal.SIGSTOP)
    for order_id in range(1, 101):
        await upstream.put(order_id, 2, first_name="Newer")
    for order_id in range(1, 101):
        await provider.holds(order_id, version=2)
    two[0].send(signal.SIGCONT)

    async def both_settled() -> bool:
        behind = await rows("SELECT 1 FROM lane WHERE due_at IS NOT NULL OR applied_version <> 2")
        return not behind

    await eventually(both_settled)
    for order_id in range(1, 101):
        await provider.holds(order_id, version=2, first_name="Newer")
