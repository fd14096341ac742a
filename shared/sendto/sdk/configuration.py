"""Base of an adapter's `Config`: unknown keys are errors, values never appear in errors, older keys still work."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, model_validator


class AdapterConfig(BaseModel):
    """The settings of one provider, as its `[providers.NAME.config]` gives them.

    Secrets are `SecretStr`. A docstring under a field is its documentation. A key that was renamed goes into `renamed`,
    old name to new, and files that were written for an earlier version of the adapter go on working; what a rename
    cannot say is said by a `model_validator(mode="before")` of the adapter's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    renamed: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _migrate(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file says
        if not isinstance(given, Mapping):
            return given
        known = dict(given)
        for old, new in cls.renamed.items():
            if old not in known:
                continue
            if new in known:
                raise ValueError(f"{old} is the older name of {new}: give one of them")
            known[new] = known.pop(old)
        return known


def secrets_of(value: Any) -> Iterator[str]:  # noqa: ANN401 - a configuration tree
    """The secret values in a configuration."""
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case SecretBytes():
            yield value.get_secret_value().decode(errors="replace")
        case BaseModel():
            for name in type(value).model_fields:
                yield from secrets_of(getattr(value, name))
        case Mapping():
            for inner in value.values():
                yield from secrets_of(inner)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from secrets_of(inner)
        case _:
            return
