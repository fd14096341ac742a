"""A request as the scripted provider received it, an answer as it is to give it, and what can go wrong between."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request. `path` is decoded, `query` holds all values of each name, names of headers are in lower case."""

    method: str
    host: str
    path: str
    target: str
    """path and query as they were sent"""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Instead:
    """The provider does nothing and answers this. With `announced`, so many bytes are announced, then it ends."""

    answer: Answer
    announced: int | None = None


@dataclass(frozen=True, slots=True)
class Afterwards:
    """The provider carries the request out and then answers this; None: the connection ends without an answer."""

    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """The provider takes the request and never answers."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The provider does nothing, and the connection ends without an answer."""


Fault = Instead | Afterwards | Hang | Reset
