"""Beside every built-in adapter lies its page, and it is as the adapter says."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from sendto.sdk.discovery import load_adapter
from sendto_cli.adapter_page import Undocumented, page, place

BUILT_IN = sorted(
    point.name for point in entry_points(group="sendto.adapters") if point.module.startswith("sendto_dispatcher.")
)


def test_the_built_in_adapters_are_there() -> None:
    assert set(BUILT_IN) == {"doordash", "karrio", "sandbox", "sendcloud", "spoke", "trackpod", "webhook"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_page_beside_the_adapter_is_current(name: str) -> None:
    adapter = load_adapter(name)

    assert place(adapter).read_text(encoding="utf-8") == page(adapter)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_page_says_what_people_need(name: str) -> None:
    text = page(load_adapter(name))

    for needed in ("## Configuration", "### create", "### update", "### delete", "## What it can do", "## Errors"):
        assert needed in text
    assert f"[providers.{name}.config]" in text
    for setting in load_adapter(name).Config.model_fields:
        assert f"| `{setting}` |" in text


def test_a_page_that_is_not_current_is_told() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "sendto_cli", "adapter", "docs", "webhook", "--check"], capture_output=True, check=False
    )

    assert (found.returncode, found.stderr) == (0, b"")


def test_an_adapter_without_words_has_no_page() -> None:
    class Silent(load_adapter("webhook")):  # type: ignore[misc]  # a class that is found at run time
        documentation = None

    with pytest.raises(Undocumented, match="has no `documentation`"):
        page(Silent)
