"""Rule 34: a configuration is put in force while the process runs, as a whole or not at all, and its digest with it."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.processes import Service, running
from infra.sandbox import Provider, sandbox
from infra.secret_settings import source_of
from infra.servers import free_port
from integration.dispatcher.conftest import Rows, Settings

SLOW_S = 1.5


def _provider(name: str, url: str, **limits: Any) -> str:
    given = "\n".join(f"limits.{key} = {value!r}" for key, value in limits.items())
    return f'[providers.{name}]\nadapter = "sandbox"\nconfig.url = "{url}"\nretry.base_s = 0.05\n{given}\n'


class Configured:
    """A dispatcher's process and the file that it reads. SIGHUP is the only way to it, unless it looks by itself."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.file = folder / "sendto.toml"
        topics = "\n".join(f"{name} = {value!r}" for name, value in settings["topics"].items())
        self._head = f"""
[log]
level = "info"
[kafka]
bootstrap_servers = "{settings["kafka"]["bootstrap_servers"]}"
[topics]
{topics}
[dispatcher]
database_url = "{source_of(settings["dispatcher"]["database_url"])}"
digest_key = "{source_of("for tests")}"
"""
        port = free_port()
        self._env = {"SENDTO_CONFIG": str(self.file), "SENDTO_DISPATCHER__PORT": str(port)}
        self.service = Service("dispatcher", self._env, f"http://127.0.0.1:{port}", folder / "dispatcher.log")

    def look_every(self, seconds: float) -> None:
        self._head += f"config_poll_s = {seconds}\n"

    def write(self, *parts: str) -> None:
        self.file.write_text("\n".join((self._head, *parts)))

    def hup(self) -> None:
        self.service.send(signal.SIGHUP)

    async def told(self, event: str, times: int = 1) -> list[str]:
        """Wait for so many lines of an event; all of them."""

        async def found() -> list[str] | None:
            lines = [line for line in self.service.log.read_text().splitlines() if f'"{event}"' in line]
            return lines if len(lines) >= times else None

        return await eventually(found) or []


@pytest.fixture
def configured(settings: Settings, tmp_path: Path) -> Configured:
    return Configured(settings, tmp_path)


@pytest.fixture
async def second(tmp_path: Path) -> AsyncIterator[Provider]:
    async with sandbox(tmp_path / "second") as other:
        yield other


async def _digest(rows: Rows) -> str:
    [row] = await rows("SELECT config_digest FROM replica")
    return str(row["config_digest"])


async def test_after_sighup_new_providers_routes_and_sources_serve_and_calls_under_way_finish_as_they_began(
    configured: Configured, upstream: Upstream, provider: Provider, second: Provider, rows: Rows
) -> None:
    configured.look_every(3600)
    configured.write(_provider("first", provider.url), '[routing]\ndefault = ["first"]')
    async with running(configured.service):
        await provider.behave(latency_s=SLOW_S)
        await upstream.put(1, 1)

        async def leased() -> list[dict[str, Any]]:
            return await rows("SELECT 1 FROM lane WHERE lease_token IS NOT NULL")

        await eventually(leased)
        before = await _digest(rows)
        configured.write(
            _provider("second", second.url),
            '[routing]\ndefault = ["second"]\n[sources]\nallow = ["/shop/upstream"]',
        )
        configured.hup()

        await configured.told("configuration_in_force")
        await upstream.put(2, 1)
        stranger = Upstream(upstream.producer, upstream.topic, "/stranger")
        await stranger.put(3, 1)
        await second.holds(2)

        async def rejected() -> list[dict[str, Any]]:
            return await rows("SELECT order_id, reason FROM rejected_event")

        assert await eventually(rejected) == [{"order_id": 3, "reason": "source_not_allowed"}]

        async def settled() -> list[dict[str, Any]]:
            return await rows("SELECT 1 FROM lane WHERE order_id = 1 AND applied_generation = desired_generation")

        await eventually(settled)
        assert await eventually(lambda: _digest_other_than(rows, before))
    assert (await provider.holds(1))["version"] == 1
    assert await provider.get(2) is None
    outcomes = await rows("SELECT order_id, outcome, settled FROM attempt ORDER BY id")
    assert {"order_id": 1, "outcome": "applied", "settled": True} in outcomes
    assert len(outcomes) == 2


async def _digest_other_than(rows: Rows, before: str) -> bool:
    return await _digest(rows) != before


async def test_a_bad_file_is_refused_in_one_line_and_the_old_configuration_stays(
    configured: Configured, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    configured.look_every(3600)
    good = (_provider("first", provider.url), '[routing]\ndefault = ["first"]')
    configured.write(*good)
    async with running(configured.service):
        before = await _digest(rows)
        bad = [
            ("not TOML [",),
            (_provider("first", "no address"),),
            (_provider("first", provider.url, concurrency=0), '[routing]\ndefalt = ["first"]'),
            ('[providers.first]\nadapter = "missing"',),
            ('[providers.first]\nadapter = "sandbox"\nconfig.url = "env:NOT_SET_ANYWHERE"',),
        ]
        for number, parts in enumerate(bad, start=1):
            configured.write(*parts)
            configured.hup()
            assert len(await configured.told("configuration_refused", number)) == number
        lines = await configured.told("configuration_refused", len(bad))
        assert "is not valid TOML" in lines[0]
        assert "providers.first" in lines[2]
        assert "routing.defalt" in lines[2]
        assert "there is no adapter 'missing'" in lines[3]
        assert "NOT_SET_ANYWHERE" in lines[4]

        await upstream.put(1, 1)
        await provider.holds(1)
        assert await _digest(rows) == before
        configured.write(*good)
        configured.hup()
        await configured.told("configuration_unchanged")
    assert '"configuration_in_force"' not in configured.service.log.read_text()


async def test_a_changed_file_is_noticed_and_what_needs_a_restart_is_said(
    configured: Configured, upstream: Upstream, provider: Provider, second: Provider
) -> None:
    configured.look_every(0.1)
    configured.write(_provider("here", provider.url), '[routing]\ndefault = ["here"]')
    async with running(configured.service):
        await upstream.put(1, 1)
        await provider.holds(1)

        replaced = configured.file.with_suffix(".new")
        replaced.write_text(configured.file.read_text().replace(provider.url, second.url).replace('"info"', '"debug"'))
        replaced.rename(configured.file)

        [line] = await configured.told("configuration_needs_restart")
        await configured.told("configuration_in_force")
        assert '["log"]' in line
        await upstream.put(2, 1)
        await second.holds(2)
    assert await provider.get(2) is None
