"""A lane as a claim and a settle see it, without any I/O.

There are several of these objects for each call; a struct is made, and copied with changes, in a tenth of the time that
a frozen dataclass takes.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from sendto.events.customer import Customer, OrderSnapshot


class Resting(StrEnum):
    """Why a lane does nothing by itself, though it is not converged."""

    DEAD = "dead"
    """given up: rejected, or too old; newer state or a replay revives it"""
    UNKNOWN = "unknown"
    """a create may or may not have succeeded, and nothing can tell; a person decides"""
    TAKEN = "taken"
    """its reference belongs to an order of another source"""
    UNSUPPORTED = "unsupported"
    """the provider cannot do what would be needed"""
    SHADOW = "shadow"
    """translated and not sent: the provider is in shadow"""


class Version(Struct, frozen=True, kw_only=True):
    """An order's version: a carried one is newer than any that the dispatcher counted itself."""

    carried: bool
    number: int

    @property
    def shown(self) -> int | None:
        """The producer's number; None where it carries none."""
        return self.number if self.carried else None


class State(Struct, frozen=True, kw_only=True):
    """The newest known state of an order: what a lane that is desired present should hold."""

    version: Version
    customer: Customer | None
    order: OrderSnapshot | None
    occurred_at: datetime
    traceparent: str | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """What a create with a request key sent, kept until its outcome is known. `state` is None once erased."""

    generation: int
    state: State | None
    age_s: float


class TakenOver(Struct, frozen=True, kw_only=True):
    """The lease that an earlier attempt held and never settled."""

    token: UUID
    generation: int
    replica: str
    leased_at: datetime


class Lane(Struct, frozen=True, kw_only=True):
    """A claimed lane: identity, desired side, applied side, and the doubt that the claim found."""

    id: int
    provider: str
    source: str
    order_id: int
    reference: str
    incarnation: int
    generation: int
    """of the desired side, as it was when claimed"""
    version: Version
    desired_present: bool
    applied_generation: int
    applied_present: bool
    unconfirmed: bool
    """the applied state was accepted, and the provider has not shown it yet"""
    remote: str | None
    digest: bytes | None
    in_doubt: bool
    kept: Kept | None
    attempts: int
    hanging: bool
    lease_token: UUID
    taken_over: TakenOver | None = None
    due_at: datetime | None = None
    """when it was due, by the database's clock; None where nobody has claimed it"""
    resend_generation: int = 0
    """from this generation on, what was sent tells what the provider holds"""
    seen: int | None = None
    """what tells whether the row has changed since the claim"""


class Claim(Struct, frozen=True, kw_only=True):
    """A lane together with the state that was read after it was locked; None if none is known any more."""

    lane: Lane
    state: State | None
    merged: tuple[str, ...] = ()
    """where traces are made: the contexts of earlier changes that the state stands for as well"""
