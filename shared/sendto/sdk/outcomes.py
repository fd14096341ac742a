"""The closed set of what an adapter's call can come to.

An adapter never raises for an expected failure: it returns one of these, and the core matches them exhaustively.
`code` is a short word from the adapter's documentation (`http_500`, `invalid_email`); `detail` is in the adapter's own
safe words. Neither may repeat text of the provider, which may hold personal data.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """The provider's own id of what it holds for a lane, as text."""

    value: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The provider surely holds the state that was sent (or, after a delete, nothing)."""

    remote: RemoteRef | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the state and applies it later."""

    remote: RemoteRef | None = None


@dataclass(frozen=True, slots=True)
class AlreadyAbsent:
    """The provider holds nothing: there was nothing to delete, or what should be updated is gone."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The provider cannot do this operation; no call was made."""

    code: str = "unsupported"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Transient:
    """It failed in a way that may pass, and nothing stands in the way of sending the newest state again.

    `nothing_done` says that the provider surely did nothing (it could not be reached, or said so); `timed_out` tells a
    hanging call apart.
    """

    code: str
    detail: str = ""
    retry_after_s: float | None = None
    nothing_done: bool = False
    timed_out: bool = False


BATCH_REFUSED = "batch_refused"
"""The code of a `Transient` for a command whose whole batch was refused, and not, or not surely, for its own fault.

The core sends such commands again at once: together where the others of the batch were rejected, else each alone.
"""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The provider asks to slow down; nothing was done, and no attempt is spent."""

    retry_after_s: float | None = None
    code: str = "rate_limited"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Something was sent and no certain answer came: find out before sending a create again."""

    code: str
    detail: str = ""
    timed_out: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refuses this state; only newer state or a person can change that."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The provider answered 401 or 403: `check()` tells whether the credentials or this one request are at fault."""

    code: str = "unauthorized"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """The provider's address is gone for good: the provider is held."""

    code: str = "gone"
    detail: str = ""


Outcome = (
    Applied
    | Accepted
    | AlreadyAbsent
    | Unsupported
    | Transient
    | RateLimited
    | Ambiguous
    | Rejected
    | Unauthorized
    | Gone
)
