"""What lies where, and what no file may hold."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "services",
    "shared",
    "deploy",
    "tests",
    "Makefile",
    "LICENSE",
    "CHANGELOG.md",
    "requirements.lock",
}
MOST_LINES = 400
VAGUE = {"util", "utils", "common", "helper", "helpers", "manager", "handler", "misc"}
# Put together here, so that this file holds none of them.
HOSTS = [
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("apache", "org/maven2"), ("npmjs", "org"))
]


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    return [path for name in listed.stdout.decode().splitlines() if (path := ROOT / name).is_file()]


def _modules() -> list[Path]:
    return [path for path in _files() if path.suffix == ".py"]


def test_nothing_else_is_visible_at_the_top() -> None:
    visible = {path.relative_to(ROOT).parts[0] for path in _files()}

    assert {name for name in visible if not name.startswith(".")} == TOP_LEVEL


def test_no_module_has_two_subjects() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _modules()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }

    assert long == {}


def test_no_module_has_a_vague_name() -> None:
    assert [str(path) for path in _modules() if path.stem in VAGUE or path.parent.name in VAGUE] == []


def test_no_file_names_a_download_host() -> None:
    holding = [
        str(path.relative_to(ROOT))
        for path in _files()
        for host in HOSTS
        if host in path.read_text(encoding="utf-8", errors="replace")
    ]

    assert holding == []


def test_nothing_is_put_off() -> None:
    put_off = re.compile(r"\b(TODO|FIXME|XXX)\b")
    here = Path(__file__)

    assert [str(path) for path in _modules() if path != here and put_off.search(path.read_text())] == []


def test_every_dependency_is_locked_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    hashed = [match[1] for match in re.finditer(r"^([a-z0-9-]+)==\S+( ;.*)? \\$", lock, re.MULTILINE)]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[>=<~ ]", name, maxsplit=1)[0] for name in wanted} - {project["name"]}

    assert names <= set(hashed)
    assert len(re.findall(r"^[a-z0-9-]+==", lock, re.MULTILINE)) == len(hashed)


def _package(*names: str) -> list[str]:
    return sorted(
        path.stem
        for name in names
        for path in (ROOT / "services" / "sendto_dispatcher" / name).iterdir()
        if path.is_dir() and not path.name.startswith("_")
    )


@pytest.mark.parametrize("contract", ["the sdk needs pydantic only", "no adapter imports another"])
def test_the_rules_of_imports_are_kept_by_the_linter(contract: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert contract in {entry["name"] for entry in contracts}


def test_the_linter_knows_every_adapter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [independence] = [entry for entry in contracts if entry["name"] == "no adapter imports another"]

    assert sorted(module.rsplit(".", 1)[1] for module in independence["modules"]) == _package("adapters")
