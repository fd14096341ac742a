"""How an attempt can end: with an adapter's outcome, or in a way of the engine's own."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from sendto.sdk import Operation, Outcome
from sendto_dispatcher.domain.lane import Version
from sendto_dispatcher.domain.plan import Learned, Rest

CONFIRM: Final = "confirm"
"""the call that asks an accepted state back; changes nothing at the provider"""
Call = Operation | Literal["confirm"]
SHADOW: Final = "shadow"
"""the reason of what was translated well, and not sent"""
ADAPTER_ERROR: Final = "adapter_error"
"""the reason where an adapter failed by a bug of its own"""


@dataclass(frozen=True, slots=True)
class Released:
    """Nothing was sent; the claim is undone."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Something was sent, and the process stops before it knows the answer; spends no attempt."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """No call was needed: the provider holds the desired state already."""


@dataclass(frozen=True, slots=True)
class Held:
    """The provider is held: it refuses our credentials, or its address is gone. The lane waits with it."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The provider shows what it had accepted: the state, or after a deletion that it holds nothing."""

    present: bool


@dataclass(frozen=True, slots=True)
class Differs:
    """The provider shows something else than it had accepted."""

    code: str = "not_applied"
    detail: str = "the provider accepted the state and does not show it"


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The provider is in shadow: the call was translated, and nothing was sent."""

    code: str = SHADOW
    detail: str = ""


Ending = Outcome | Shadowed | Released | Interrupted | Unchanged | Held | Confirmed | Differs | Rest


class Finished(Struct, frozen=True, kw_only=True):
    """An attempt that has ended: what it served, what came of it."""

    lane_id: int
    lease_token: UUID
    operation: Call | None
    """None where no call was made"""
    generation: int
    version: Version
    ending: Ending
    sent: bool
    """whether anything may have left for the provider"""
    number: int
    requests: int = 0
    digest: bytes | None = None
    learned: Learned | None = None
    kept_was_sent: bool = False

    @property
    def lease(self) -> tuple[int, UUID]:
        """The lane, and the token of its lease: no other attempt has both."""
        return self.lane_id, self.lease_token
