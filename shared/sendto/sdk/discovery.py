"""Finding adapters: each is an entry point of the group `sendto.adapters`, built-in ones too.

AdapterUnusable         there is no adapter to be had under this name; the text says why
├── AdapterMissing      none is installed
└── AdapterBroken       it is installed, and cannot be loaded or is none
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from sendto.sdk.adapter import SUPPORTED_API_VERSIONS, Adapter

ENTRY_POINTS = "sendto.adapters"
_METHODS = ("content", "translate", "apply", "find", "check")


class AdapterUnusable(Exception):  # noqa: N818 - named for what happened
    """There is no adapter to be had under this name."""


class AdapterMissing(AdapterUnusable):
    """No distribution that is installed brings it."""


class AdapterBroken(AdapterUnusable):
    """It is installed, and cannot be used. `lacks` names the module that is not there, if that is why."""

    def __init__(self, problem: str, lacks: str | None = None) -> None:
        super().__init__(problem)
        self.lacks = lacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An adapter that a distribution brings. `adapter` is None where it is broken, and `problem` then says why.

    `lacks` names the module that is not installed, if that is why: built-in adapters need the dispatcher's extra.
    """

    name: str
    distribution: str
    version: str
    adapter: type[Adapter] | None
    problem: str | None
    lacks: str | None = None


def load_adapter(name: str) -> type[Adapter]:
    """The class behind one entry point.

    Raises:
        AdapterMissing: there is none of this name.
        AdapterBroken: it cannot be imported, is no adapter, or was made for another version of the interface.
    """
    points = entry_points(group=ENTRY_POINTS, name=name)
    if not points:
        known = ", ".join(sorted(entry_points(group=ENTRY_POINTS).names))
        raise AdapterMissing(f"there is no adapter {name!r}; installed are: {known}")
    return _load(next(iter(points)))


def installed_adapters() -> Iterator[Installed]:
    """Every adapter that is installed, by name, whether it can be used or not."""
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        adapter, problem, lacks = None, None, None
        try:
            adapter = _load(point)
        except AdapterBroken as broken:
            problem, lacks = str(broken), broken.lacks
        brings = point.dist
        yield Installed(
            name=point.name,
            distribution=brings.name if brings else "unknown",
            version=brings.version if brings else "unknown",
            adapter=adapter,
            problem=problem,
            lacks=lacks,
        )


def _load(point: EntryPoint) -> type[Adapter]:
    try:
        loaded = point.load()
    except Exception as error:  # a plugin's import can raise anything
        lacks = error.name if isinstance(error, ModuleNotFoundError) else None
        problem = f"adapter {point.name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise AdapterBroken(problem, lacks) from error
    return as_adapter(point.name, loaded)


def as_adapter(name: str, loaded: Any) -> type[Adapter]:  # noqa: ANN401 - whatever the entry point names
    """The same object, if it is an adapter's class that this version can use.

    Raises:
        AdapterBroken: it is not.
    """
    config = getattr(loaded, "Config", None)
    missing = [method for method in _METHODS if not callable(getattr(loaded, method, None))]
    if not isinstance(loaded, type) or missing or not (isinstance(config, type) and issubclass(config, BaseModel)):
        what = f"lacks {', '.join(missing)}" if missing else "needs a Config that is a pydantic model"
        raise AdapterBroken(f"adapter {name!r} is none: it {what}")
    if getattr(loaded, "api_version", None) not in SUPPORTED_API_VERSIONS:
        supported = ", ".join(map(str, sorted(SUPPORTED_API_VERSIONS)))
        made_for = getattr(loaded, "api_version", "none")
        raise AdapterBroken(f"adapter {name!r} is made for api_version {made_for}, not for {supported}")
    return loaded
