"""What an adapter says about itself to people; `sendto adapter docs` makes a page of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """The words that an adapter's page needs beside its capabilities and its `Config`.

    Attributes:
        title: the provider's name as people write it.
        summary: what the adapter does there, in a sentence or two.
        example: a configuration that works, as in `[providers.NAME.config]`; secrets as `env:NAME`.
        errors: what the adapter's own outcome codes mean and what to do, by code; the core's need no mention.
        notes: what else people should know, a sentence each.
        specification: where the provider's own documentation of its API is.
        remote: an id of the provider's own, as it looks; the page shows the requests with it.
    """

    title: str
    summary: str
    example: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    specification: str | None = None
    remote: str = "1"

    def configuration(self) -> dict[str, Any]:
        """The example with a stand-in for each secret, so that an adapter can be made of it."""
        return {name: _with_stand_ins(value) for name, value in self.example.items()}


_STAND_IN = "c2VuZHRvLWFuLWV4YW1wbGUtc2VjcmV0LW9mLTMyLWI="
"""Base64, as some secrets must be"""


def _with_stand_ins(value: Any) -> Any:  # noqa: ANN401 - a configuration tree
    if isinstance(value, Mapping):
        return {name: _with_stand_ins(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_stand_ins(inner) for inner in value]
    return _STAND_IN if isinstance(value, str) and value.startswith(("env:", "file:")) else value
