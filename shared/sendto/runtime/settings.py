"""Settings: typed sections, read from one TOML file and the environment, which wins.

A service declares its root model from the sections that it needs and calls `load`. In the environment a setting is
`SENDTO_` + section + `__` + name in upper case; with `_FILE` added, its value is read from the file of that name.
Secrets are in the environment or in files of their own: the TOML file names them as `env:NAME` or `file:PATH`.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from sendto.kernel.secret_settings import NOT_HERE, Unless, is_source, secrets_given
from sendto.runtime.secrets import SecretMissing, from_file, resolved

PREFIX = "SENDTO_"
CONFIG_VARIABLE = "SENDTO_CONFIG"
_FILE_SUFFIX = "_FILE"
_NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "SENDTO_HOME"})
_ADAPTERS_OWN = "config"
"""the section of a provider whose settings only its adapter knows"""


def _holds_no_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.password is None and not any("password" in name for name in parse_qs(parts.query))


DatabaseUrl = Annotated[SecretStr, Unless(_holds_no_password)]
"""postgresql://user:password@host:port/name; one without a password is no secret"""
Port = Annotated[int, Field(ge=0, le=65_535)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SettingsInvalid(Exception):  # noqa: N818 - named for what happened
    """The configuration cannot be used; the text has one line for each thing that is wrong, without secret values."""


class Section(BaseModel):
    """A group of settings; an unknown name in it is an error, so that a typing mistake does not pass in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LogSettings(Section):
    """[log]: structured lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """`auto` is `console` on a terminal, else `json`."""


class TelemetrySettings(Section):
    """[telemetry]: traces for an OpenTelemetry collector."""

    otlp_endpoint: Annotated[str, Field(pattern=r"^https?://[^/]+/?$")] | None = None
    """the collector's OTLP/HTTP address; None: no traces, and nothing of OpenTelemetry is imported"""
    otlp_headers: SecretStr | None = None
    """headers for it, as `name=value,name=value`"""
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """the part of the traces that begin here; for others the caller's `traceparent` decides"""


class HttpSettings(Section):
    """Where a service listens. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Port = 0
    keep_alive_s: Annotated[int, Field(ge=1)] = 75
    """how long an idle connection stays open; a client that sends just as it is closed sees it reset"""


class DatabaseSettings(Section):
    """How a service reaches its PostgreSQL."""

    database_url: DatabaseUrl
    """postgresql://user:password@host:port/name"""
    pool_min_size: Annotated[int, Field(ge=1)] = 2
    pool_max_size: Annotated[int, Field(ge=1)] = 10
    connect_timeout_s: PositiveSeconds = 5.0
    statement_timeout_s: PositiveSeconds = 30.0
    idle_transaction_timeout_s: PositiveSeconds = 10.0
    """after which PostgreSQL ends a transaction whose process has stopped in the middle; `statement_timeout_s` later,
    and by PostgreSQL 17 or newer only, where it counts the process as working still
    """


class KafkaSettings(Section):
    """[kafka]: how to reach the brokers."""

    bootstrap_servers: str = "127.0.0.1:9092"
    """host:port, several separated by commas"""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_file: Path | None = None
    """None: the machine's trust store"""
    request_timeout_s: PositiveSeconds = 10.0


class TopicSettings(Section):
    """[topics]: names and shape of the topics."""

    events: str = "orders.customer"
    dead_letters: str = "orders.customer.dlq"
    deliveries: str = "orders.customer.deliveries"
    partitions: Annotated[int, Field(ge=1)] = 12
    replication_factor: Annotated[int, Field(ge=1)] = 1
    retention_s: Annotated[int, Field(ge=1)] = 7 * 86_400


Root = TypeVar("Root", bound=BaseModel)


def load(root: type[Root], config: Path | None = None, environ: Mapping[str, str] | None = None) -> Root:
    """The settings of one service: the file's sections that `root` declares, overlaid by the environment.

    Args:
        root: the service's model; sections of the file that it does not declare belong to other services.
        config: the TOML file; None means `SENDTO_CONFIG`, and if that is not set, no file.
        environ: the environment; None means this process's.

    Raises:
        SettingsInvalid: the file cannot be read, or a value is missing or wrong.
    """
    environ = os.environ if environ is None else environ
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    over = _from_environment(root, environ)
    tree = _from_config(root, config, over, environ) if config else {}
    _overlay(tree, over)
    known = {name: value for name, value in tree.items() if name in root.model_fields}
    try:
        return root.model_validate(known)
    except ValidationError as error:
        raise SettingsInvalid(describe(error)) from None


def _from_config(
    root: type[BaseModel], config: Path, over: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """The file's settings, with the secrets that it names, unless the environment gives others."""
    tree = read_toml(config)
    secrets = secrets_given(root, tree)
    if written := [given.name for given in secrets if given.written_out]:
        raise SettingsInvalid("\n".join(f"{name}: {NOT_HERE}" for name in written))
    for given in secrets:
        if is_source(given.value) and _at(over, given.path) is None:
            try:
                _put(tree, given.path, resolved(given.value, config.absolute().parent, environ))
            except SecretMissing as missing:
                raise SettingsInvalid(f"{given.name}: {missing}") from None
    return tree


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content.

    Raises:
        SettingsInvalid: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not valid TOML: {error}") from None


def describe(error: ValidationError) -> str:
    """One line for each wrong setting: its dotted name and what is wrong with it, never its value."""
    return "\n".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)
    )


def _from_environment(root: type[BaseModel], environ: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS or "__" not in variable:
            continue
        path = variable.removeprefix(PREFIX).lower().split("__")
        in_file = variable.endswith(_FILE_SUFFIX) and not _is_setting(root, path)
        if in_file:
            path[-1] = path[-1].removesuffix(_FILE_SUFFIX.lower())
        if _ADAPTERS_OWN in path:  # read by whoever knows what is secret there
            own = f"file:{Path(value).absolute()}" if in_file else value if is_source(value) else f"env:{variable}"
            _put(tree, path, own)
        else:
            _put(tree, path, _secret_file(variable, value) if in_file else value)
    return tree


def _is_setting(root: type[BaseModel], path: Sequence[str]) -> bool:
    """Whether a setting has this very name, as those have that are names of files themselves."""
    section, *further = path
    field = root.model_fields.get(section)
    if field is None or not further:
        return field is not None
    return (
        isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
        and (_is_setting(field.annotation, further))
    )


def _secret_file(variable: str, path: str) -> str:
    try:
        return from_file(Path(path))
    except SecretMissing as missing:
        raise SettingsInvalid(f"{variable}: {missing}") from None


def _put(tree: Any, path: Sequence[str | int], value: object) -> None:  # noqa: ANN401 - tables and lists
    for part in path[:-1]:
        tree = tree.setdefault(part, {}) if isinstance(tree, dict) else tree[part]
    tree[path[-1]] = value


def _at(tree: Any, path: Sequence[str | int]) -> object:  # noqa: ANN401 - tables and lists
    """What stands at a path, None if nothing does."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def _overlay(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), dict):
            _overlay(base[name], value)
        else:
            base[name] = value
