"""Adapters are found by their entry points; one that is broken is told of, and costs nobody else."""

from pathlib import Path

import pytest
from infra.plugins import install

from sendto.sdk.discovery import AdapterBroken, AdapterMissing, installed_adapters, load_adapter

GOOD = """
from sendto_acme import AcmeAdapter
class Adapter(AcmeAdapter):
    name = "good"
"""
BROKEN = {
    "raises": ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
    "lacks_a_module": ("import no_such_module_anywhere", "cannot be loaded: ModuleNotFoundError"),
    "lacks_the_name": ("Other = 1", "cannot be loaded: AttributeError"),
    "is_no_class": (GOOD + "Adapter = Adapter.__init__", "is none"),
    "is_a_function": ("def Adapter(config): ...", "is none"),
    "lacks_methods": ("class Adapter:\n    api_version = 1", "lacks content, translate, apply, find, check"),
    "has_no_config": (GOOD + "    Config = dict\n", "needs a Config that is a pydantic model"),
    "is_older": (GOOD + "    api_version = 0\n", "is made for api_version 0, not for 1"),
    "is_newer": (GOOD + "    api_version = 99\n", "is made for api_version 99, not for 1"),
}


def test_a_plugin_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, name="good", source=GOOD, target="Adapter")

    assert load_adapter("good").name == "good"
    [found] = [one for one in installed_adapters() if one.name == "good"]
    assert (found.distribution, found.version, found.problem) == ("good-plugin", "1.0", None)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_one_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    source, says = BROKEN[kind]
    install(monkeypatch, tmp_path, name=kind, source=source, target="Adapter")

    with pytest.raises(AdapterBroken) as broken:
        load_adapter(kind)

    assert says in str(broken.value)
    found = {one.name: one for one in installed_adapters()}
    assert found[kind].adapter is None
    assert says in str(found[kind].problem)
    assert found[kind].lacks == ("no_such_module_anywhere" if kind == "lacks_a_module" else None)
    assert found["webhook"].problem is None


def test_a_name_that_nobody_brings_is_told_with_those_that_are_there() -> None:
    with pytest.raises(AdapterMissing, match=r"there is no adapter 'webhok'; installed are: .*webhook"):
        load_adapter("webhok")
