"""The dispatcher's rules: every number that code or tests name stands on the page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "services" / "sendto_dispatcher" / "README.md"
_NAMED = re.compile(r"[Rr]ules? (\d+(?:(?:,| to| and) \d+)*)")
_TEST = re.compile(r"def test_rule_(\d+)_")


def _stated() -> list[int]:
    return [int(match[1]) for match in re.finditer(r"^(\d+)\. ", PAGE.read_text(), re.MULTILINE)]


def test_the_rules_are_numbered_without_gaps() -> None:
    assert _stated() == list(range(1, 38))


def test_every_rule_that_is_named_is_stated() -> None:
    named = {
        int(number)
        for folder in ("services", "shared", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for match in _NAMED.finditer(path.read_text())
        for number in re.findall(r"\d+", match[1])
    }

    assert named
    assert named <= set(_stated())


def test_every_rule_has_a_test_that_names_it() -> None:
    tested = {
        int(number)
        for path in (ROOT / "tests").rglob("test_*.py")
        for number in (*_TEST.findall(path.read_text()), *_named_by_its_docstring(path))
    }

    assert tested == set(_stated())


def _named_by_its_docstring(path: Path) -> list[str]:
    """The rules that a whole module of tests is about: `Rule 12: …`."""
    first = path.read_text().split("\n\n", 1)[0]
    return [number for match in _NAMED.finditer(first) for number in re.findall(r"\d+", match[1])]
