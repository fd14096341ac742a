"""Settings: the file, the environment over it, secrets from files, and what is said of mistakes."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from sendto.runtime.settings import DatabaseSettings, HttpSettings, KafkaSettings, LogSettings, SettingsInvalid, load

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
    (tmp_path / "url").write_text(f"{URL}\n")
    path.write_text('[service]\ndatabase_url = "file:url"\nport = 1\ninner.port = 2\n[another]\nport = 3\n')
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


def test_a_setting_that_is_the_name_of_a_file_is_no_secret_in_one(file: Path) -> None:
    class _Reaching(_Root):
        kafka: KafkaSettings = KafkaSettings()

    found = load(_Reaching, file, {"SENDTO_KAFKA__SSL_CA_FILE": "/etc/authority.pem"})

    assert found.kafka.ssl_ca_file == Path("/etc/authority.pem")


class _Secretive(BaseModel):
    kafka: KafkaSettings = KafkaSettings()
    service: DatabaseSettings


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (f'service.database_url = "{URL}"', "service.database_url"),
        ('service.database_url = "postgresql:///x?user=u&password=canary"', "service.database_url"),
        ('service.database_url = "postgresql://[canary"', "service.database_url"),
        ('service.database_url = "env:URL"\nkafka.sasl_password = "canary"', "kafka.sasl_password"),
    ],
)
def test_a_secret_that_is_written_out_is_refused_in_one_line(written: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "sendto.toml"
    path.write_text(written)

    with pytest.raises(SettingsInvalid) as caught:
        load(_Secretive, path, {"URL": URL, "SENDTO_SERVICE__DATABASE_URL": URL})

    assert str(caught.value) == f"{told}: a secret is not written here: give it as env:NAME or file:PATH"


def test_an_address_without_a_password_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "sendto.toml"
    path.write_text('service.database_url = "postgresql://user@127.0.0.1/none?sslmode=require"')

    assert "sslmode" in load(_Secretive, path, {}).service.database_url.get_secret_value()


def test_a_source_that_is_not_there_is_named_unless_the_environment_has_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "sendto.toml"
    path.write_text('service.database_url = "env:NO_SUCH_URL"\nkafka.sasl_password = "file:word"')
    (tmp_path / "word").write_text("canary\n")

    with pytest.raises(SettingsInvalid, match=r"^service\.database_url: .* NO_SUCH_URL is not set"):
        load(_Secretive, path, {})
    settings = load(_Secretive, path, {"SENDTO_SERVICE__DATABASE_URL": URL})
    assert settings.service.database_url == SecretStr(URL)
    assert settings.kafka.sasl_password == SecretStr("canary")
    (tmp_path / "word").unlink()
    with pytest.raises(SettingsInvalid, match=r"^kafka\.sasl_password: cannot read "):
        load(_Secretive, path, {"SENDTO_SERVICE__DATABASE_URL": URL})


class _Outside(BaseModel):
    providers: dict[str, dict[str, Any]] = {}


def test_an_adapters_setting_from_the_environment_stays_a_source(tmp_path: Path) -> None:
    environ = {
        "SENDTO_PROVIDERS__ACME__CONFIG__TOKEN": "canary",
        "SENDTO_PROVIDERS__ACME__CONFIG__KEY_FILE": str(tmp_path / "key"),
        "SENDTO_PROVIDERS__ACME__CONFIG__OTHER": "env:OTHER",
    }

    assert load(_Outside, None, environ).providers["acme"]["config"] == {
        "token": "env:SENDTO_PROVIDERS__ACME__CONFIG__TOKEN",
        "key": f"file:{tmp_path}/key",
        "other": "env:OTHER",
    }


def test_settings_do_not_change() -> None:
    settings = load(_Root, None, {"SENDTO_SERVICE__DATABASE_URL": URL})

    with pytest.raises(ValueError, match="frozen"):
        settings.log.level = "debug"  # type: ignore[misc]  # what is tested
