"""`deploy/sendto.toml` documents every setting with the default that it really has."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sendto.runtime.secrets import resolved
from sendto.runtime.settings import load
from sendto_api.settings import ApiSettings
from sendto_dispatcher.engine.provider import load_adapter
from sendto_dispatcher.settings import DispatcherSettings, ProviderSettings
from sendto_sandbox.settings import SandboxSettings

DOCUMENTED = Path(__file__).parents[2] / "deploy" / "sendto.toml"
ROOTS: list[type[BaseModel]] = [ApiSettings, DispatcherSettings, SandboxSettings]
EXAMPLE_SECRETS = {
    "KAFKA_PASSWORD": "a-password",
    "ORDERS_DATABASE_URL": "postgresql://user:password@127.0.0.1:5432/orders",
    "DISPATCH_DATABASE_URL": "postgresql://user:password@127.0.0.1:5432/dispatch",
    "OTLP_HEADERS": "authorization=Bearer a-token",
    "DIGEST_KEY": "a-long-random-text",
    "SANDBOX_TOKEN": "a-token",
    "ACME_WEBHOOK_SECRET": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
}
SETTING = re.compile(r"# (\w+) = ")
SECTION = re.compile(r"# \[{1,2}([^\[\]]+)\]{1,2}$")


class Shown(NamedTuple):
    """One appearance of a setting in the file."""

    section: str
    """as the file writes it"""
    value: Any
    field: FieldInfo
    written: bool
    """whether the file has it, or the model filled in its default"""


def _uncommented() -> str:
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("# ") for line in lines)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with every setting in force."""
    path = tmp_path_factory.mktemp("configuration") / "sendto.toml"
    path.write_text(_uncommented(), encoding="utf-8")
    return path


def _comments() -> dict[tuple[str, str], str]:
    """The line above each setting, by section and name."""
    found, section = {}, ""
    for above, line in pairwise(DOCUMENTED.read_text(encoding="utf-8").splitlines()):
        if header := SECTION.match(line):
            section = header[1]
        if setting := SETTING.match(line):
            found[section, setting[1]] = above
    return found


def _shown(model: BaseModel, section: str = "") -> Iterator[tuple[str, Shown]]:
    """Every setting of the model, by a path in which names of providers and sources are stars."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        yield name, Shown(section, value, field, name in model.model_fields_set)
        inner_section = f"{section}.{name}" if section else name
        for star, key, inner in _models_in(value):
            for path, shown in _shown(inner, inner_section + key):
                yield f"{name}{star}.{path}", shown
        if isinstance(model, ProviderSettings) and name == "config":
            config = load_adapter(model.adapter).Config
            settings = config.model_validate(resolved(value, DOCUMENTED.parent))
            for path, shown in _shown(settings, inner_section):
                yield f"{name}<{model.adapter}>.{path}", shown
    for uri, extra in (model.__pydantic_extra__ or {}).items():
        for path, shown in _shown(extra, f'{section}."{uri}"'):
            yield f"*.{path}", shown


def _models_in(value: object) -> Iterable[tuple[str, str, BaseModel]]:
    """The models at or right under a value: a star if there may be several, what to add to the section, the model."""
    match value:
        case BaseModel():
            return [("", "", value)]
        case dict():
            return [(".*", f".{key}", inner) for key, inner in value.items() if isinstance(inner, BaseModel)]
        case list():
            return [("[]", "", inner) for inner in value if isinstance(inner, BaseModel)]
        case _:
            return []


def _settings(example: Path, root: type[BaseModel]) -> dict[str, list[Shown]]:
    found = defaultdict(list)
    for path, shown in _shown(load(root, example, environ=EXAMPLE_SECRETS)):
        found[path].append(shown)
    return found


def _is_example(field: FieldInfo) -> bool:
    """Whether TOML cannot write the default, or the default says nothing: then the file shows an example."""
    return field.is_required() or field.get_default(call_default_factory=True) in (None, [], {})


def _is_group(shown: Shown) -> bool:
    """Whether the value is a section of the file, whose settings are looked at one by one."""
    return bool(list(_models_in(shown.value))) or isinstance(shown.value, dict)


@pytest.fixture(autouse=True)
def _example_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, secret in EXAMPLE_SECRETS.items():
        monkeypatch.setenv(name, secret)


@pytest.mark.parametrize("root", ROOTS)
def test_the_file_as_it_is_changes_nothing(root: type[BaseModel]) -> None:
    urls = {
        f"SENDTO_{section}__DATABASE_URL": "postgresql://nobody@127.0.0.1/none" for section in ("API", "DISPATCHER")
    }
    assert load(root, DOCUMENTED, environ=urls) == load(root, None, environ=urls)


@pytest.mark.parametrize("root", ROOTS)
def test_with_every_line_in_force_it_is_a_good_configuration(example: Path, root: type[BaseModel]) -> None:
    assert load(root, example, environ=EXAMPLE_SECRETS)


@pytest.mark.parametrize("root", ROOTS)
def test_every_setting_is_documented(example: Path, root: type[BaseModel]) -> None:
    missing = [path for path, shown in _settings(example, root).items() if not any(one.written for one in shown)]
    assert not missing


@pytest.mark.parametrize("root", ROOTS)
def test_every_default_is_documented_as_it_is(example: Path, root: type[BaseModel]) -> None:
    wrong = {
        path: [one.value for one in shown]
        for path, shown in _settings(example, root).items()
        if not _is_example(shown[0].field) and not any(map(_is_group, shown))
        for default in [shown[0].field.get_default(call_default_factory=True)]
        if not any(one.written and one.value == default for one in shown)
    }
    assert not wrong


@pytest.mark.parametrize("root", ROOTS)
def test_a_value_that_is_no_default_is_called_required_or_unset(example: Path, root: type[BaseModel]) -> None:
    comments = _comments()
    silent = [
        path
        for path, shown in _settings(example, root).items()
        for one in shown
        for word in ["Required." if one.field.is_required() else "unset: "]
        for comment in [comments.get((one.section, path.rpartition(".")[2]))]
        if comment is not None and (word in comment) != _is_example(one.field)
    ]
    assert not silent


def test_a_line_of_prose_stands_before_every_setting() -> None:
    bare = [name for name, comment in _comments().items() if not comment.startswith("## ")]
    assert not bare


def test_there_is_nothing_in_the_file_but_prose_sections_and_settings() -> None:
    odd = [
        line
        for line in DOCUMENTED.read_text(encoding="utf-8").splitlines()
        if line and line != "##" and not line.startswith("## ") and not SETTING.match(line) and not SECTION.match(line)
    ]
    assert not odd
