"""What the intake hands to the store, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sendto.events.decode import Headers, Rejection
from sendto.events.envelope import CustomerEvent
from sendto_dispatcher.domain.routing import Routing

Key = tuple[int, str]
"""order id and source"""


class PositionLost(Exception):  # noqa: N818 - named for what happened
    """A partition's position is missing or belongs to another cluster: it must be placed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
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


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: records by verdict (`dropped` were taken before), lanes that changed."""

    verdicts: Mapping[str, int]
    rejected: Mapping[str, int]
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What intake must know of the configuration."""

    routing: Routing
    prefixes: Mapping[str, str]
    """reference prefix by source"""
    carrying: frozenset[str]
    """providers whose references carry the source, and so cannot collide"""
