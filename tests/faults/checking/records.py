"""What the checker compares: four records, each as somebody else wrote it down. Pure; knows nothing of our code.

Times are seconds of the machine's wall clock. A *reference* is what the provider calls an order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

State = Mapping[str, object]
"""what the provider should hold of an order"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A write that the API or the topic has taken; `state` is None for a deletion."""

    reference: str
    version: int
    state: State | None
    at_s: float
    """when it was surely taken"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request in the provider's log."""

    at_s: float
    reference: str
    version: int | None
    generation: int | None
    effect: str
    """`created`, `replaced`, `deleted`; anything else did nothing"""
    state: State | None = None
    is_request: bool = True
    """false where a provider saves late what was asked for before"""
    caller: str | None = None
    """the address by which the provider was called; every process has another"""

    @property
    def applied(self) -> bool:
        """Whether it changed what the provider holds."""
        return self.effect in {"created", "replaced", "deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An object that the provider holds in the end."""

    reference: str
    version: int | None
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An attempt in the history."""

    reference: str
    generation: int
    requests: int
    """that it made; 0 where nobody knows"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """Callers whose older state may come after a newer one, if the newest follows.

    They were frozen, their clock jumped, or the database on which they rely jumped or was restored.
    """

    callers: frozenset[str]
    since_s: float
    """when they were let go, or when it happened"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A fault: from its beginning until everything was ready again."""

    kind: str
    begin_s: float
    ready_s: float
    late: Late | None = None
    lost_s: tuple[float, float] | None = None
    """the time that a restore of the history took away"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is known of one provider."""

    written: Sequence[Written]
    log: Sequence[Logged]
    """in the provider's order"""
    held: Sequence[Held]
    attempts: Sequence[Attempted]
    windows: Sequence[Window] = field(default=())
    truth: Mapping[str, State | None] | None = None
    """what is newest where the writes do not tell: what a restored API holds"""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    rule: str
    reference: str
    detail: str
