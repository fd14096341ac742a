"""A provider in memory that holds objects for one reference, and treats each call as it is told."""

from dataclasses import replace
from enum import StrEnum

from unit.dispatcher.building import LOOKUP, NATURAL_KEY, NOTHING, REQUEST_KEY, UPSERT

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    AnswerLost,
    Applied,
    Capabilities,
    Idempotency,
    NotSent,
    Operation,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    classify_failure,
)

ASYNC = replace(UPSERT, async_apply=True, has_fetch=True)
KINDS: dict[str, Capabilities] = {
    "upsert": UPSERT,
    "natural_key": NATURAL_KEY,
    "lookup": replace(LOOKUP, lookup_lag_s=0.0),
    "request_key": REQUEST_KEY,
    "none": NOTHING,
    "async": ASYNC,
}


class Fate(StrEnum):
    """What happens to a call."""

    APPLIED = "applied"
    APPLIED_AND_LOST = "applied, the answer is lost"
    LOST = "lost before it was applied"
    REFUSED = "refused for good"
    BUSY = "nothing done: 503"
    SLOW_DOWN = "nothing done: 429"
    NOT_SENT = "no connection"


FATES = list(Fate)


class ModelProvider:
    """Objects by id: names. A create with a request key that was seen before makes nothing."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self.objects: dict[str, str] = {}
        self.pending: list[str | None] = []
        """what was accepted and is not applied yet, in order; None is a deletion"""
        self._keys: dict[str, str] = {}
        self._made = 0

    def shown(self) -> str | None:
        """The name that is held, None where nothing is."""
        return next(iter(self.objects.values()), None)

    def find(self) -> str | None:
        """The id of what is held."""
        return next(iter(self.objects), None)

    def catch_up(self) -> None:
        """Apply what was accepted."""
        for name in self.pending:
            self._put(name)
        self.pending.clear()

    def call(self, operation: Operation, name: str | None, key: str, fate: Fate) -> Outcome:
        """One call and its outcome, as an adapter would tell it."""
        if fate is Fate.REFUSED and operation is Operation.CREATE and key in self._keys:
            fate = Fate.APPLIED  # a key that was seen gets the answer that it got, or would have got, before
        match fate:
            case Fate.REFUSED:
                return Rejected("http_422")
            case Fate.BUSY:
                return Transient("http_503", nothing_done=True)
            case Fate.SLOW_DOWN:
                return RateLimited(1)
            case Fate.NOT_SENT:
                return classify_failure(operation, self._capabilities, NotSent("connect_failed"))
            case Fate.LOST:
                return self._lost(operation)
            case Fate.APPLIED_AND_LOST:
                self._apply(operation, name, key)
                return self._lost(operation)
            case Fate.APPLIED:
                return self._apply(operation, name, key)

    def _lost(self, operation: Operation) -> Outcome:
        return classify_failure(operation, self._capabilities, AnswerLost("timeout", timed_out=True))

    def _apply(self, operation: Operation, name: str | None, key: str) -> Outcome:
        if self._capabilities is ASYNC:
            self.pending.append(name)
            return Accepted(RemoteRef("the one"))
        if self._capabilities.repeatable_create:
            held = self.find()
            self._put(name)
            return AlreadyAbsent() if operation is Operation.DELETE and held is None else Applied(self._ref())
        if operation is Operation.CREATE:
            return self._create(str(name), key)
        if not self.objects:
            return AlreadyAbsent()
        self._put(name)
        return Applied(self._ref())

    def _create(self, name: str, key: str) -> Outcome:
        remembers = self._capabilities.idempotency is Idempotency.REQUEST_KEY
        if not (remembers and key in self._keys):
            self._made += 1
            if remembers:
                self._keys[key] = f"object {self._made}"
            self.objects[f"object {self._made}"] = name
        return Applied(RemoteRef(self._keys.get(key, f"object {self._made}")))

    def _put(self, name: str | None) -> None:
        if name is None:
            self.objects.clear()
        else:
            self.objects[self.find() or "the one"] = name

    def _ref(self) -> RemoteRef | None:
        held = self.find()
        return RemoteRef(held) if held else None
