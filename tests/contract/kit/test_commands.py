"""The commands of adapters' authors say what is wrong and end with the right code."""

import json
from pathlib import Path

import pytest
from infra.command import sendto

import sendto_cli.new_adapter
from sendto_cli.adapter_test import find_cases, run_case
from sendto_cli.errors import CommandFailed
from sendto_cli.new_adapter import write_project

TEMPLATE = Path(sendto_cli.new_adapter.__file__).parent / "template"
BROKEN = """
from fake_acme import TOKEN, FakeAcme
from sendto.sdk import Rejected
from sendto.sdk.testing import Case
from sendto_acme import AcmeAdapter

class Broken(AcmeAdapter):
    async def apply(self, command, http):
        return Rejected("no")

CASE = Case(adapter=Broken, config=lambda url: {"url": url, "token": TOKEN}, fake=FakeAcme, name="planted")
"""


def test_the_kit_is_run_on_every_case_of_a_file() -> None:
    [case] = find_cases(str(TEMPLATE / "tests" / "test_conformance.py"))

    results = list(run_case(case, "create"))

    assert len(results) > 1
    assert {(one.case, one.breach) for one in results} == {("acme", None)}


def test_a_broken_promise_is_named_and_fails_the_command(tmp_path: Path) -> None:
    module = tmp_path / "planted_case.py"
    module.write_text(BROKEN, encoding="utf-8")
    paths = f"{TEMPLATE / 'src'}:{TEMPLATE / 'tests'}"

    told = sendto(
        "adapter", "test", module, "--only", "a_create_makes", "--json", env={"PYTHONPATH": paths}, cwd=tmp_path
    )

    assert (told.returncode, told.stderr) == (1, b"sendto: 1 of 1 promises are broken\n")
    [result] = json.loads(told.stdout)
    assert (result["case"], result["check"]) == ("planted", "a_create_makes_one_object")
    assert "a plain create came to Rejected" in result["breach"]


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("no_such_module_here", None, "cannot be imported: ModuleNotFoundError"),
        ("raises.py", "raise RuntimeError('boom')", "cannot be imported: RuntimeError: boom"),
        ("empty.py", "x = 1", "has neither a Case nor a Conformance"),
    ],
)
def test_a_module_without_cases_is_told(
    name: str, source: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if source is not None:
        (tmp_path / name).write_text(source, encoding="utf-8")

    with pytest.raises(CommandFailed) as failed:
        find_cases(name)

    assert says in str(failed.value)


@pytest.mark.parametrize("name", ["Heron", "1st", "a-b", "", "x" * 41, "a.b", "../up"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot be an adapter's name"):
        write_project(name, tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(CommandFailed, match="is not empty"):
        write_project("heron", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_project_is_named_throughout(tmp_path: Path) -> None:
    written = write_project("grey_heron", tmp_path / "project")

    text = "".join(path.read_text(encoding="utf-8") for path in written)
    assert "acme" not in text.lower()
    assert "class GreyHeronAdapter" in text
    assert 'grey_heron = "sendto_grey_heron:GreyHeronAdapter"' in text
    assert 'name = "sendto-grey-heron"' in text
    assert not [path for path in written if "acme" in str(path.relative_to(tmp_path))]


def test_the_adapters_that_are_installed_are_listed() -> None:
    told = sendto("adapter", "list", "--json")

    assert told.returncode == 0
    assert {one["name"] for one in json.loads(told.stdout)} >= {"webhook", "sandbox", "sendcloud"}
    assert sendto("adapter", "docs").stdout.startswith(b"# Writing an adapter")
    assert sendto("adapter", "docs", "webhok").stderr.startswith(b"sendto: there is no adapter 'webhok'")
