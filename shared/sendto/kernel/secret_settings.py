"""Which settings are secrets, by the types of a pydantic model, and whether a configuration writes them out. Pure.

A secret is a setting of the type `SecretStr`, `SecretBytes` or `Secret`. In a configuration file it stands as
`env:NAME` or `file:PATH`, never as itself: files are copied, committed and shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

SECRET_TYPES = (SecretStr, SecretBytes, Secret)
NOT_HERE = "a secret is not written here: give it as env:NAME or file:PATH"
_SOURCES = ("env:", "file:")
_UNIONS = (Union, UnionType)

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """Beside a secret in `Annotated`: a text that is harmless may be written out, as an address without a password."""

    harmless: Callable[[str], bool]

    def allows(self, value: object) -> bool:
        """Whether this value may be written out."""
        return isinstance(value, str) and self.harmless(value)


@dataclass(frozen=True, slots=True)
class Given:
    """One secret as a configuration gives it."""

    path: _Path
    value: Any = field(repr=False)
    harmless: bool

    @property
    def written_out(self) -> bool:
        """Whether the secret itself stands there."""
        return not self.harmless and not is_source(self.value)

    @property
    def name(self) -> str:
        """The dotted name of the setting."""
        return ".".join(map(str, self.path))


def is_source(value: object) -> bool:
    """Whether a value tells where the secret is: `env:NAME` or `file:PATH`."""
    return isinstance(value, str) and value.startswith(_SOURCES)


def secrets_given(model: type[BaseModel], tree: Mapping[str, Any]) -> list[Given]:
    """Every secret that a tree of settings gives to a model, also under an alias or an older name."""
    return list({given.path: given for given in _in_model(model, tree, ())}.values())


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field that a key of the configuration is for: by its name, an alias, or a name in the model's `renamed`."""
    name = getattr(model, "renamed", {}).get(key, key)
    fields = model.model_fields
    return fields.get(name) or next((one for one in fields.values() if name in (one.alias, one.validation_alias)), None)


def _in_model(model: type[BaseModel], value: object, path: _Path) -> Iterator[Given]:
    if issubclass(model, RootModel):
        yield from _in_field(model.model_fields["root"], value, path)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if (known := field_of(model, key)) is not None:
                yield from _in_field(known, inner, (*path, key))


def _in_field(known: FieldInfo, value: object, path: _Path) -> Iterator[Given]:
    yield from _in_type(known.annotation, known.metadata, value, path)


def _in_type(kind: Any, beside: Sequence[object], value: object, path: _Path) -> Iterator[Given]:  # noqa: ANN401 - whatever stands after a colon
    kind = getattr(kind, "__value__", kind)  # what an alias of Python 3.12 stands for
    origin, inner = get_origin(kind), get_args(kind)
    whole = origin or kind
    if origin is Annotated:
        yield from _in_type(inner[0], (*beside, *inner[1:]), value, path)
    elif origin in _UNIONS:
        for one in inner:
            yield from _in_type(one, beside, value, path)
    elif isinstance(whole, type) and issubclass(whole, SECRET_TYPES):
        if not isinstance(value, Mapping | list):  # which is a mistake, and told of as one
            yield Given(path, value, harmless=any(isinstance(one, Unless) and one.allows(value) for one in beside))
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _in_model(kind, value, path)
    else:
        for key, item in _items(value):
            for one in inner:
                yield from _in_type(one, beside, item, (*path, key))


def _items(value: object) -> Iterable[tuple[str | int, object]]:
    match value:
        case Mapping():
            return value.items()
        case list():
            return enumerate(value)
        case _:
            return ()
