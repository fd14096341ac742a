"""Replacing a piece of a module; what is to be replaced must be there, so that no bug silently stops being one."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def replace(module: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` makes of the original in its place, also where other modules of ours have imported it."""
    original = getattr(module, name)
    replacement = make(original)
    for one in list(sys.modules.values()):
        if getattr(one, "__name__", "").startswith("sendto") and getattr(one, name, None) is original:
            setattr(one, name, replacement)


def without(text: str) -> Callable[[str], str]:
    """A statement without a part of it."""
    return instead(text, "")


def instead(text: str, other: str) -> Callable[[str], str]:
    """A statement with another part."""

    def make(statement: str) -> str:
        assert text in statement, f"the statement has no {text!r} any more"
        return statement.replace(text, other)

    return make
