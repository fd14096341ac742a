"""Secrets of providers come from the environment or files, and show up nowhere: dumps, reprs, errors, logs."""

import json
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from infra.command import sendto

from sendto.kernel.secret_settings import secrets_given
from sendto.sdk import AdapterConfig
from sendto.sdk.configuration import secrets_of
from sendto_dispatcher.engine.provider import Provider, ProviderUnusable, build_provider, load_adapter
from sendto_dispatcher.settings import EngineSettings, ProviderSettings

BUILT_IN = sorted(
    point.name for point in entry_points(group="sendto.adapters") if point.module.startswith("sendto_dispatcher.")
)
SECRET = "bm9ib2R5LW1heS1zZWUtdGhpcy1pbi1hbnktb3V0cHV0"
VARIABLE = "PROVIDER_SECRET"


def _example(name: str) -> dict[str, Any]:
    documentation = load_adapter(name).documentation  # type: ignore[attr-defined]  # built-in ones have it
    example: dict[str, Any] = json.loads(json.dumps(documentation.example))
    return example


def _with(value: Any, secret: str) -> Any:
    """The configuration with every secret given like this."""
    match value:
        case dict():
            return {name: _with(inner, secret) for name, inner in value.items()}
        case list():
            return [_with(inner, secret) for inner in value]
        case str() if value.startswith("env:"):
            return secret
        case _:
            return value


def _provider(name: str, secret: str, base: Path) -> Provider:
    return build_provider(
        "acme", ProviderSettings(adapter=name, config=_with(_example(name), secret)), EngineSettings(), base
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_secret_comes_from_the_environment_or_a_file(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    (tmp_path / "secret").write_text(SECRET + "\r\n", encoding="utf-8")

    for given in (f"env:{VARIABLE}", "file:secret"):
        provider = _provider(name, given, tmp_path)
        assert provider.secrets == {SECRET}


@pytest.mark.parametrize("name", BUILT_IN)
def test_one_that_is_written_out_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    keys = [given.name for given in secrets_given(load_adapter(name).Config, _with(_example(name), SECRET))]
    assert keys

    with pytest.raises(ProviderUnusable) as refused:
        _provider(name, SECRET, tmp_path)

    assert str(refused.value).split("; ") == [
        f"[providers.acme.config] {key}: a secret is not written here: give it as env:NAME or file:PATH" for key in keys
    ]


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_that_is_made_of_it_shows_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    provider = _provider(name, f"env:{VARIABLE}", tmp_path)

    for shown in (provider, provider.adapter, provider.transport, provider.policy):
        assert SECRET not in repr(shown)
        assert SECRET not in str(shown)


@pytest.mark.parametrize("name", BUILT_IN)
def test_its_model_is_the_sdks(name: str) -> None:
    config = load_adapter(name).Config

    assert issubclass(config, AdapterConfig)
    assert set(secrets_of(config.model_validate(_with(_example(name), SECRET)))) == {SECRET}


def _mistakes(name: str) -> Iterator[dict[str, Any]]:
    good = _with(_example(name), f"env:{VARIABLE}")
    yield good | {"secret_of_no_one": SECRET}
    for key, value in good.items():
        if VARIABLE in str(value):
            yield good | {key: {"nested": SECRET}}
            yield {other: inner for other, inner in good.items() if other != key} | {f"{key}x": value}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_mistake_in_the_configuration_is_told_without_it(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    for config in _mistakes(name):
        with pytest.raises(ProviderUnusable) as refused:
            build_provider("acme", ProviderSettings(adapter=name, config=config), EngineSettings(), tmp_path)

        assert "[providers.acme.config]" in str(refused.value)
        assert SECRET not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderUnusable, match="the environment variable NO_SUCH_SECRET is not set"):
        _provider("sandbox", "env:NO_SUCH_SECRET", tmp_path)
    with pytest.raises(ProviderUnusable, match=r"cannot read .*no-such-file"):
        _provider("sandbox", "file:no-such-file", tmp_path)


@pytest.mark.parametrize("given", [SECRET, f"env:{VARIABLE}", "file:secret"])
def test_commands_show_no_secret(given: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    config = tmp_path / "sendto.toml"
    config.write_text(
        f'[providers.acme]\nadapter = "webhook"\n[providers.acme.config]\nurl = "https://acme.example/"\n'
        f'secrets = ["{given}"]\n',
        encoding="utf-8",
    )
    env = {VARIABLE: SECRET}

    for arguments in (["show"], ["show", "--json"], ["check"]):
        done = sendto("config", *arguments, "--config", config, env=env)
        refuses = arguments == ["check"] and given == SECRET
        assert done.returncode == (1 if refuses else 0), done.stderr
        assert SECRET.encode() not in done.stdout + done.stderr
        assert (b"[providers.acme.config] secrets.0: a secret is not written here" in done.stderr) == refuses
    config.write_text(config.read_text(encoding="utf-8") + f'tokn = "{given}"\n', encoding="utf-8")
    refused = sendto("config", "check", "--config", config, env=env)
    assert refused.returncode == 1
    assert b"tokn" in refused.stderr or given == SECRET  # then that is what is told
    assert SECRET.encode() not in refused.stdout + refused.stderr
    assert tomllib.loads(config.read_text(encoding="utf-8"))
