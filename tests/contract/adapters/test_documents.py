"""Where the providers' documents are not, that is said, and where they should be, it is a failure."""

from pathlib import Path

import pytest
from infra import specs


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(specs.SPECS_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(specs, "BESIDE", tmp_path / "shared" / "specs")


def test_a_document_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI", "true")  # somebody else's, without our folder

    with pytest.raises(pytest.skip.Exception, match=f"{tmp_path}.*acme.yml is not here; SENDTO_SPECS_DIR"):
        specs.specification("acme.yml")


def test_where_it_should_be_its_absence_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="is not here"):
        specs.specification("acme.yml")


def test_a_document_is_read_from_the_folder_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(specs.SPECS_VARIABLE, str(tmp_path))
    (tmp_path / "acme.json").touch()

    assert specs.specification("acme.json") == tmp_path / "acme.json"
    assert specs.specs_folder() == tmp_path
