"""The smallest HTTP client that adapters need. The core hands one to every call; tests hand in their own.

The core's client keeps the call's deadline, follows no redirect, bounds the answer's body, counts the requests for the
rate limit, and looks at the deadline again directly before the first byte leaves.

HttpFailure             no answer came
├── NotSent             nothing of the request left: sending it again cannot do it twice
│   └── TooLate         the deadline had passed before the first byte
└── AnswerLost          something was sent and no whole answer came; `timed_out` tells a hanging provider
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Its repr leaves out headers and body, which may hold secrets and personal data."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer; header names are in lower case. A body beyond the core's bound is cut and `truncated`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False

    def json(self) -> Any:  # noqa: ANN401 - whatever the provider sent
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class HttpFailure(Exception):  # noqa: N818 - named for what happened
    """No answer came. `code` is a short safe word such as `connect_failed`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotSent(HttpFailure):
    """Nothing of the request left this machine."""


class TooLate(NotSent):
    """The attempt's deadline had passed before the first byte; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("deadline_before_first_byte")


class AnswerLost(HttpFailure):
    """Something may have reached the provider, and no whole answer came back."""

    def __init__(self, code: str, *, timed_out: bool = False) -> None:
        super().__init__(code)
        self.timed_out = timed_out


class Http(Protocol):
    """What an adapter sends its requests with."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request and read its whole answer.

        Raises:
            NotSent: nothing left this machine.
            AnswerLost: something may have arrived there.
        """
