"""Base of an adapter's `Config`: unknown keys are errors, values never appear in errors, older keys still work."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Secret, SecretBytes, SecretStr, model_validator

from sendto.kernel.secret_settings import field_of, is_source, secrets_given


class AdapterConfig(BaseModel):
    """The settings of one provider, as its `[providers.NAME.config]` gives them.

    Secrets are `SecretStr` (`SecretBytes`, `Secret`): a configuration that writes one out instead of naming its source
    (`env:NAME`, `file:PATH`) is refused. A docstring under a field is its documentation.

    A key that was renamed goes into `renamed`, old name to new, and files that were written for an earlier version of
    the adapter go on working; what a rename cannot say is said by a `model_validator(mode="before")` of its own.
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
        case Secret():
            yield str(value.get_secret_value())
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


def written_out(model: type[BaseModel], given: Mapping[str, Any], made: BaseModel | None = None) -> list[str]:
    """The keys of a configuration, dotted, in which a secret stands as itself; empty where each names its source.

    Args:
        model: the adapter's `Config`.
        given: the configuration as the file has it.
        made: what became of it. With it, keys are looked at, too, that a validator of the model's own made fields of.
    """
    found = [secret.name for secret in secrets_given(model, given) if secret.written_out]
    if made is not None:
        secrets = frozenset(secrets_of(made))
        unknown = {key: value for key, value in given.items() if field_of(model, key) is None}
        found += [name for name, text in _texts(unknown) if text in secrets and not is_source(text)]
    return found


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a configuration tree
    """Every text in a tree, after its dotted name."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _texts(inner, f"{name}.{key}" if name else key)
        case list():
            for number, inner in enumerate(value):
                yield from _texts(inner, f"{name}.{number}")
        case str():
            yield name, value
        case _:
            return
