"""Settings: the file, the environment over it, secrets from files, and what is said of mistakes."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from sendto.runtime.settings import DatabaseSettings, HttpSettings, LogSettings, SettingsInvalid, load

URL = "postgresql://user:canary-password@127.0.0.1/none"


class _Service(HttpSettings, DatabaseSettings):
    inner: HttpSettings = HttpSettings()


class _Root(BaseModel):
    model_config = ConfigDict(extra="forbid")

    log: LogSettings = LogSettings()
    service: _Service


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with a section that belongs to another service."""
    path = tmp_path / "sendto.toml"
    path.write_text(f'[service]\ndatabase_url = "{URL}"\nport = 1\ninner.port = 2\n[another]\nport = 3\n')
    return path


def test_the_file_s_own_sections_are_read(file: Path) -> None:
    settings = load(_Root, file, {})

    assert (settings.service.port, settings.service.inner.port) == (1, 2)
    assert settings.service.database_url == SecretStr(URL)


def test_the_environment_wins_and_leaves_the_rest(file: Path) -> None:
    settings = load(_Root, file, {"SENDTO_SERVICE__INNER__PORT": "9", "SENDTO_LOG__LEVEL": "debug", "PORT": "7"})

    assert (settings.service.port, settings.service.inner.port, settings.log.level) == (1, 9, "debug")


def test_the_file_may_be_named_in_the_environment(file: Path) -> None:
    assert load(_Root, None, {"SENDTO_CONFIG": str(file)}).service.port == 1


def test_a_secret_is_read_from_a_file_without_its_line_s_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{URL}\n")

    settings = load(_Root, None, {"SENDTO_SERVICE__DATABASE_URL_FILE": str(secret)})

    assert settings.service.database_url.get_secret_value() == URL


def test_names_that_are_no_settings_are_left_alone(file: Path) -> None:
    assert load(_Root, file, {"SENDTO_HOME": "/x", "SENDTO_API_TOKEN": "y"}).service.port == 1


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "service.database_url: Field required"),
        ({"SENDTO_SERVICE__DATABASE_URL": URL, "SENDTO_SERVICE__PROT": "1"}, "service.prot: Extra inputs"),
        ({"SENDTO_SERVICE__DATABASE_URL": URL, "SENDTO_SERVICE__PORT": "70000"}, "service.port: "),
        ({"SENDTO_SERVICE__DATABASE_URL": URL, "SENDTO_LOG__LEVEL": "loud"}, "log.level: "),
        ({"SENDTO_SERVICE__DATABASE_URL_FILE": "/nowhere/secret"}, "SENDTO_SERVICE__DATABASE_URL_FILE: cannot read"),
    ],
)
def test_a_mistake_is_named_and_no_secret_with_it(environ: dict[str, str], told: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("[service]\n")

    with pytest.raises(SettingsInvalid) as caught:
        load(_Root, empty, environ)

    assert told in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[service", b"\xff\xfe", b"port = "])
def test_what_is_not_toml_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)

    with pytest.raises(SettingsInvalid, match="is not valid TOML"):
        load(_Root, path, {})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="No such file"):
        load(_Root, tmp_path / "missing.toml", {})
