"""A broken plugin is told of; it takes readiness down only where a configured provider needs it."""

from pathlib import Path

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.plugins import install
from infra.sandbox import Provider
from integration.dispatcher.conftest import Settings, dispatching


@pytest.fixture(autouse=True)
def _broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "plugin"
    folder.mkdir()
    install(monkeypatch, folder, name="broken", source="raise RuntimeError('no licence')", target="Adapter")


async def test_one_that_nobody_needs_is_told_of_and_harms_nobody(
    settings: Settings, upstream: Upstream, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    async with dispatching(settings) as caller:

        async def ready() -> bool:
            return (await caller("GET", "/readyz")).status == 200

        await eventually(ready)
        await upstream.put(7, 1)
        await provider.holds(7)

    written = "".join(capfd.readouterr())
    assert "adapter_broken" in written
    assert "no licence" in written


@pytest.mark.parametrize(("adapter", "why"), [("broken", "no licence"), ("lost", "there is no adapter 'lost'")])
async def test_one_that_a_provider_needs_takes_readiness_down_and_the_others_go_on(
    adapter: str, why: str, settings: Settings, upstream: Upstream, provider: Provider, ops_token: str
) -> None:
    settings["providers"]["theirs"] = {"adapter": adapter, "config": {}}
    settings["routing"]["default"] = ["theirs", "sandbox"]
    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1)
        await provider.holds(7)

        unready = await caller("GET", "/readyz")
        assert unready.status == 503
        assert unready.json["checks"]["providers"] == "broken or missing adapter of theirs"
        story = (await caller("GET", "/ops/orders/7")).json
        states = {lane["provider"]: lane["state"] for lane in story["lanes"]}
        assert states["theirs"] == "parked"
        assert any("Waiting: theirs cannot be served" in line and why in line for line in story["verdict"])
        overview = (await caller("GET", "/ops/overview")).json
        assert {one["provider"]: one["state"] for one in overview["providers"]} == {
            "theirs": "broken",
            "sandbox": "serving",
        }
        assert "provider_broken" in {one["name"] for one in overview["troubles"]}
        shown = {one["provider"]: one for one in (await caller("GET", "/ops/providers")).json}
        assert why in shown["theirs"]["problem"]
        plan = (await caller("GET", "/ops/orders/7/plan")).json
        told = {lane["provider"]: lane["why"] for lane in plan["lanes"]}
        assert told["theirs"].startswith("theirs cannot be served (")
        assert shown["sandbox"]["problem"] is None
