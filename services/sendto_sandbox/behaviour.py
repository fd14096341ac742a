"""How the sandbox behaves: well by default; every fault of a real provider can be switched on.

`decide` is pure: a request, the behaviour and one random number give what will happen to it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Status = Annotated[int, Field(ge=200, le=599)]
_WHOLE = 1.000_001


class RateLimit(BaseModel):
    """`requests` per `window_s`, of which `burst` may come at once; more get 429 with `Retry-After`."""

    model_config = ConfigDict(extra="forbid")

    requests: Annotated[float, Field(gt=0)]
    window_s: Annotated[float, Field(gt=0)] = 1.0
    burst: Annotated[int, Field(ge=1)] = 1


class Behaviour(BaseModel):
    """What the sandbox does to writes; shares are of the requests that it concerns, drawn anew for each."""

    model_config = ConfigDict(extra="forbid")

    latency_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """before every answer"""
    errors: dict[Status, Share] = {}
    """answers with this status instead of applying"""
    retry_after: str | None = None
    """sent as `Retry-After` with errors"""
    apply_then: dict[Status, Share] = {}
    """applies, then answers with this status"""
    hang: Share = 0.0
    """never answers, applies nothing"""
    reset: Share = 0.0
    """resets the connection, applies nothing"""
    lose_answer: Share = 0.0
    """applies, then resets the connection"""
    save_late_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """answers at once, applies after this time, in the order in which the writes of a reference came"""
    accept_duplicates: bool = False
    """makes a second object when a known reference is posted"""
    rate_limit: RateLimit | None = None
    references: list[str] | None = None
    """only requests for these references are concerned; none: all"""
    operations: list[Annotated[str, Field(pattern="^(POST|PUT|DELETE)$")]] | None = None
    """only these methods are concerned; none: all"""

    @model_validator(mode="after")
    def _at_most_whole(self) -> Self:
        if sum(share for share, _ in self.cases()) > _WHOLE:
            raise ValueError("the shares add up to more than 1")
        return self

    def concerns(self, method: str, reference: str) -> bool:
        """Whether a request may be treated badly."""
        return (self.references is None or reference in self.references) and (
            self.operations is None or method in self.operations
        )

    def cases(self) -> list[tuple[float, "Treatment"]]:
        """The faults with their shares."""
        return [
            *((share, Treatment(Fault.ANSWER, status)) for status, share in self.errors.items()),
            *((share, Treatment(Fault.APPLY_THEN_ANSWER, status)) for status, share in self.apply_then.items()),
            (self.hang, Treatment(Fault.HANG)),
            (self.reset, Treatment(Fault.RESET)),
            (self.lose_answer, Treatment(Fault.LOSE_ANSWER)),
        ]


class Fault(StrEnum):
    """What happens to a request."""

    NONE = "none"
    ANSWER = "answer"
    APPLY_THEN_ANSWER = "apply_then_answer"
    HANG = "hang"
    RESET = "reset"
    LOSE_ANSWER = "lose_answer"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to one request; `status` is the answer that it gets instead of the right one."""

    fault: Fault = Fault.NONE
    status: int | None = None

    @property
    def applies(self) -> bool:
        """Whether the request takes effect."""
        return self.fault in {Fault.NONE, Fault.APPLY_THEN_ANSWER, Fault.LOSE_ANSWER}

    @property
    def answers(self) -> bool:
        """Whether the caller gets an answer."""
        return self.fault in {Fault.NONE, Fault.ANSWER, Fault.APPLY_THEN_ANSWER}


def decide(behaviour: Behaviour, method: str, reference: str, drawn: float) -> Treatment:
    """What happens to this request; `drawn` lies in [0, 1)."""
    if not behaviour.concerns(method, reference):
        return Treatment()
    passed = 0.0
    for share, treatment in behaviour.cases():
        passed += share
        if drawn < passed:
            return treatment
    return Treatment()


class Bucket:
    """The rate limit's tokens; times are monotonic seconds."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at_s: float | None = None

    def take(self, now_s: float) -> float:
        """Take one request; 0, or the seconds after which the next one would pass."""
        per_s = self._limit.requests / self._limit.window_s
        elapsed_s = 0.0 if self._at_s is None else now_s - self._at_s
        self._tokens = min(float(self._limit.burst), self._tokens + elapsed_s * per_s)
        self._at_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / per_s
