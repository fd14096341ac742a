"""What tests of troubles ask, and the table of what they were told."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from e2e.troubles.stage import Told

TABLE_VARIABLE = "SENDTO_TROUBLES_TABLE"
"""names a file to which a line is added for each trouble that was seen"""
_NUMBER = re.compile(r"\d+")


def note(*columns: str) -> None:
    """Add a line to the table: trouble, verdict, console, readiness, alert."""
    if os.environ.get(TABLE_VARIABLE):
        with Path(os.environ[TABLE_VARIABLE]).open("a", encoding="utf-8") as table:
            table.write("| " + " | ".join(columns) + " |\n")


def names(told: Told, provider: str | None) -> set[str]:
    """The troubles of a provider, or those of none."""
    return {one["name"] for one in told.troubles if one["provider"] == provider}


def alerts(told: Told, provider: str | None) -> set[str]:
    """The alerts of a provider, or those of none."""
    return {one["alertname"] for one in told.alerts if one.get("provider") == provider}


def is_shown(told: Told, said: Iterable[str]) -> bool:
    """Whether the console's page says all of it. Numbers do not count: both were asked for at different moments."""
    page = _NUMBER.sub("0", told.page)
    return all(_NUMBER.sub("0", one) in page for one in said)


def sentences(told: Told, wanted: Iterable[str], provider: str | None) -> list[str]:
    """What the console says of these troubles."""
    return [one["sentence"] for one in told.troubles if one["name"] in wanted and one["provider"] == provider]
