"""The pictures that pages show are there, are pictures, and are of a size that a clone can bear."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST_BYTES = 250_000
_SHOWN = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_readme_shows_the_console() -> None:
    assert {name for _, name in _SHOWN} >= {"deploy/pictures/overview.png", "deploy/pictures/order.png"}


@pytest.mark.parametrize(("words", "name"), _SHOWN)
def test_a_picture_is_one_and_is_told_in_words(words: str, name: str) -> None:
    content = (ROOT / name).read_bytes()

    assert content.startswith(b"\x89PNG\r\n")
    assert len(content) < LARGEST_BYTES
    assert len(words.split()) > 3


def test_no_picture_is_kept_that_nobody_shows() -> None:
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "deploy" / "pictures").iterdir()}

    assert kept == {name for _, name in _SHOWN if name.startswith("deploy/pictures/")}
