"""What the intake hands to the store, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from sendto.events.decode import Headers, Rejection
from sendto.events.envelope import CustomerEvent
from sendto_dispatcher.domain.fold import OrderKnown
from sendto_dispatcher.domain.routing import Routing

Key = tuple[int, str]
"""order id and source"""


class PositionLost(Exception):  # noqa: N818 - named for what happened
    """A partition's position is missing or belongs to another cluster: it must be placed anew."""


class Record(Struct, frozen=True, kw_only=True):
    """A record of the topic, decoded or not. `doubtful`: the database may have lost what was made of it before."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers
    decoded: CustomerEvent | Rejection
    doubtful: bool = False

    @property
    def event(self) -> CustomerEvent:
        """The event in it; asked for only where there is one."""
        if isinstance(self.decoded, Rejection):
            raise TypeError("a rejected record holds no event")
        return self.decoded


class Move(Struct, frozen=True, kw_only=True):
    """An order's new state, which its lanes are to follow."""

    state: OrderKnown
    doubtful: bool = False
    """the database may have lost what was made of this order before"""
    visited: frozenset[str] = frozenset()
    """the providers that the order may have been at since; asked for only where it is doubtful"""

    @property
    def suspects(self) -> frozenset[str]:
        """The providers that may hold something of which nothing is known."""
        return self.visited if self.doubtful else frozenset()

    @property
    def goes_to(self) -> tuple[str, ...]:
        """The providers that should hold the customer."""
        return self.state.providers if self.state.present else ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: records by verdict (`dropped` were taken before), lanes that changed.

    `unrouted` counts the orders whose newest state goes nowhere.
    """

    verdicts: Mapping[str, int]
    rejected: Mapping[str, int]
    lanes: int
    unrouted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What intake must know of the configuration."""

    routing: Routing
    prefixes: Mapping[str, str]
    """reference prefix by source"""
    carrying: frozenset[str]
    """providers whose references carry the source, and so cannot collide"""
    tell: bool = False
    """whether upstream systems are told what becomes of orders"""
