"""How what a provider holds differs from what it should (pure): fields by name, never their values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Drift(StrEnum):
    """Ways to differ."""

    MISSING = "missing"
    """it holds nothing"""
    DIFFERS = "differs"
    """it holds another state"""
    REMAINS = "remains"
    """it holds what should be gone"""


@dataclass(frozen=True, slots=True)
class Difference:
    """How one lane's object differs."""

    drift: Drift
    fields: tuple[str, ...] = ()


def difference(wanted: Mapping[str, Any] | None, held: Mapping[str, Any] | None) -> Difference | None:
    """The difference between what should be held and what is; None for nothing, or where there is none.

    Members that `held` leaves out are kept by the provider in its own way, and say nothing.
    """
    if wanted is None:
        return Difference(Drift.REMAINS) if held is not None else None
    if held is None:
        return Difference(Drift.MISSING)
    shown = {name: wanted.get(name) for name in held}
    fields = tuple(sorted(_differing(shown, held, "")))
    return Difference(Drift.DIFFERS, fields) if fields else None


def _differing(wanted: Mapping[str, Any], held: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in wanted.keys() | held.keys():
        mine, theirs = wanted.get(name), held.get(name)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _differing(mine, theirs, f"{path}{name}.")
        elif mine != theirs:
            yield f"{path}{name}"
