"""Whatever a plugin does wrong costs its own provider, says so, and never stops the others."""

from pathlib import Path
from textwrap import dedent

import pytest
from infra.plugins import install

from sendto.runtime.settings import load
from sendto_dispatcher.configuration import Configuration
from sendto_dispatcher.engine.provider import ProviderBroken, build_provider
from sendto_dispatcher.settings import DispatcherSettings, EngineSettings, ProviderSettings

PLUGIN = """
from pydantic import BaseModel, model_validator
from sendto.sdk import Capabilities

class Config(BaseModel):
    @model_validator(mode="after")
    def _check(self):
        {validate}
        return self

class Adapter:
    name, api_version, Config = "faulty", 1, Config
    def __init__(self, config):
        self.capabilities = {capabilities}
    def content(self, command): return {{}}
    def translate(self, command): raise NotImplementedError
    async def apply(self, command, http): raise NotImplementedError
    async def find(self, reference, http): raise NotImplementedError
    async def check(self, http): raise NotImplementedError
"""
FAULTS = {
    "cannot read its settings: RuntimeError": {"validate": "raise RuntimeError('s3cret')"},
    "does not say its capabilities": {"capabilities": "None"},
    "cannot be made: ZeroDivisionError": {"capabilities": "1 / 0"},
    "names a rate that is none": {"capabilities": "Capabilities(rate='often')"},
    "has `fetch`, and has none": {"capabilities": "Capabilities(has_fetch=True)"},
}


@pytest.mark.parametrize("told", FAULTS)
def test_a_fault_of_the_plugin_is_told_as_one(told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = dedent(PLUGIN).format(**{"validate": "pass", "capabilities": "Capabilities()"} | FAULTS[told])
    name = f"faulty{list(FAULTS).index(told)}"
    install(monkeypatch, tmp_path, name=name, source=source, target="Adapter")
    settings = ProviderSettings(adapter=name)

    with pytest.raises(ProviderBroken) as broken:
        build_provider("theirs", settings, EngineSettings(), tmp_path)

    assert told in str(broken.value)
    assert "s3cret" not in str(broken.value)


HEAD = """
[dispatcher]
database_url = "postgresql://nobody@127.0.0.1/none"
[providers.good]
adapter = "sandbox"
config.url = "http://127.0.0.1:1"
"""
LOST = '[providers.theirs]\nadapter = "lost"\n'


async def test_a_plugin_that_is_missing_at_the_start_costs_its_own_provider(tmp_path: Path) -> None:
    file = tmp_path / "sendto.toml"
    file.write_text(HEAD + LOST)
    configuration = Configuration(load(DispatcherSettings, file, {}), tmp_path, file)

    assert set(configuration.current.providers) == {"good"}
    assert "there is no adapter 'lost'" in configuration.current.broken["theirs"]
    assert await configuration.readiness() == "broken or missing adapter of theirs"
    file.write_text(HEAD)
    assert await configuration.reload()
    assert await configuration.readiness() is None


async def test_one_that_is_missing_for_a_new_provider_is_refused_while_running(tmp_path: Path) -> None:
    file = tmp_path / "sendto.toml"
    file.write_text(HEAD)
    configuration = Configuration(load(DispatcherSettings, file, {}), tmp_path, file)
    file.write_text(HEAD + LOST)

    assert not await configuration.reload()

    assert "there is no adapter 'lost'" in (configuration.refused or "")
    assert set(configuration.current.providers) == {"good"}
