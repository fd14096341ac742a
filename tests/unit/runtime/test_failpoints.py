"""Named places do nothing unless a test's process installs what acts there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendto.runtime import failpoints
from sendto.runtime.failpoints import Point, reach

ROOT = Path(__file__).parents[3]
OWN = ROOT / "shared" / "sendto" / "runtime" / "failpoints.py"
DISTRIBUTED = sorted(path for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py") if path != OWN)


@pytest.fixture
def seen() -> Iterator[list[Point]]:
    passed: list[Point] = []
    failpoints.install(passed.append)
    yield passed
    failpoints.install(None)


def test_a_place_that_nobody_watches_does_nothing() -> None:
    for point in Point:
        reach(point)


def test_a_watched_place_tells_who_came(seen: list[Point]) -> None:
    reach(Point.ENGINE_CLAIMED)

    assert seen == [Point.ENGINE_CLAIMED]


def _names(path: Path) -> list[str]:
    return [node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]


def test_nothing_that_is_distributed_installs_anything() -> None:
    for path in DISTRIBUTED:
        text = path.read_text()
        assert "failpoints.install" not in text, path
        assert "failpoints import" not in text or "import Point, reach\n" in text, path


def test_every_place_is_on_one_path_or_another() -> None:
    reached = {name for path in DISTRIBUTED if "import Point, reach" in path.read_text() for name in _names(path)}

    assert {point.name for point in Point} <= reached
