"""All interleavings of one lane: what may happen to it, against a provider that loses, delays, refuses and forgets.

The machine is driven by hypothesis. Where lanes live is exchangeable: in memory, by the pure rules alone, or in
PostgreSQL. An attempt is three steps that anything may come between: claimed, sent, settled. A process can be frozen
before it sends, past its lease; it can die at any moment, but one that has sent after its lease ran out does not die
before it tells so: nobody but the provider could know of that call.
"""

from dataclasses import dataclass, field
from itertools import permutations
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit.dispatcher.model_provider import ASYNC, FATES, KINDS, Fate, ModelProvider

from sendto.sdk import Capabilities, Idempotency, Rejected
from sendto_dispatcher.domain.endings import CONFIRM, Call, Confirmed, Differs, Ending, Finished, Released, Unchanged
from sendto_dispatcher.domain.lane import Claim, Resting
from sendto_dispatcher.domain.plan import Confirm, Learned, LookUp, NothingToDo, Rest, Send, Step, learn, plan

_MOST_ROUNDS = 60
_OLD, _NEW = ("old sends", "old settles"), ("new sends", "new settles")
_THAWS = [
    order
    for order in permutations(_OLD + _NEW)
    if all(order.index(sends) < order.index(settles) for sends, settles in (_OLD, _NEW))
]


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be seen of the lane."""

    exists: bool
    generation: int
    """the desired one"""
    due: bool
    leased: bool
    resting: str | None
    converged: bool
    unconfirmed: bool


class LaneStore(Protocol):
    """Where the lane lives."""

    def use(self, capabilities: Capabilities) -> None:
        """Begin with a new lane of such a provider."""

    def take(self, version: int, name: str, *, present: bool, routed: bool) -> None:
        """Take newer state of the order."""

    def claim(self) -> Claim | None:
        """Claim the lane, if it is due."""

    def settle(self, claim: Claim, finished: Finished) -> None:
        """Settle an attempt."""

    def expire(self) -> None:
        """Let leases and waits run out."""

    def replay(self) -> None:
        """Deliver again."""

    def erase_kept(self) -> None:
        """Erase what is kept of a create."""

    def seen(self) -> Seen:
        """How the lane stands."""


@dataclass(slots=True)
class Attempt:
    """A claim on its way."""

    claim: Claim
    step: Step
    overtaken: bool = False
    """the lease ran out and someone else claimed the lane"""
    sent: bool = False
    late: bool = False
    """it was sent after it was overtaken"""
    ending: Ending | None = None
    learned: Learned | None = None
    digest: bytes | None = None
    fates: list[Fate] = field(default_factory=list)


class LaneMachine(RuleBasedStateMachine):
    """One lane; `store` is given by the test."""

    store: LaneStore

    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind: str) -> None:
        self.capabilities = KINDS[kind]
        self.provider = ModelProvider(self.capabilities)
        self.version, self.name, self.present, self.routed = 0, "", False, True
        self.attempts: list[Attempt] = []
        self.refused: set[int] = set()
        """the generations that were rejected"""
        self.store.use(self.capabilities)

    @rule(name=st.sampled_from(["Ada", "Bob"]))
    def newer_state(self, name: str) -> None:
        self.version, self.name, self.present = self.version + 1, name, True
        self._take()

    @precondition(lambda self: self.present)
    @rule()
    def the_customer_is_deleted(self) -> None:
        self.version, self.present = self.version + 1, False
        self._take()

    @precondition(lambda self: self.present)
    @rule()
    def the_order_is_routed_elsewhere_or_back(self) -> None:
        self.version, self.routed = self.version + 1, not self.routed
        self._take()

    @precondition(lambda self: self.version)
    @rule()
    def claim(self) -> None:
        claimed = self.store.claim()
        if claimed is None:
            return
        for earlier in self.attempts:
            earlier.overtaken = True
        self.attempts.append(Attempt(claimed, plan(claimed, self.capabilities)))

    @precondition(lambda self: any(not attempt.ending for attempt in self.attempts))
    @rule(number=st.integers(0, 9), fate=st.sampled_from(FATES))
    def send(self, number: int, fate: Fate) -> None:
        unsent = [attempt for attempt in self.attempts if not attempt.ending]
        self._send(unsent[number % len(unsent)], fate)

    @precondition(lambda self: any(attempt.ending for attempt in self.attempts))
    @rule(number=st.integers(0, 9), twice=st.booleans())
    def settle(self, number: int, twice: bool) -> None:
        ended = [attempt for attempt in self.attempts if attempt.ending]
        attempt = ended[number % len(ended)]
        self.attempts.remove(attempt)
        for _ in range(1 + twice):
            self._settle(attempt)

    @precondition(lambda self: self.attempts)
    @rule(number=st.integers(0, 9))
    def crash(self, number: int) -> None:
        attempt = self.attempts[number % len(self.attempts)]
        if not attempt.late:
            self.attempts.remove(attempt)

    @precondition(lambda self: self.version)
    @rule(deleted=st.booleans(), order=st.sampled_from(_THAWS))
    def a_process_is_frozen_past_its_lease_and_thaws(self, deleted: bool, order: tuple[str, ...]) -> None:
        """Newer state comes meanwhile, and someone else takes the lane over; then both go on, in some order."""
        before = len(self.attempts)
        self.store.expire()
        self.claim()
        if len(self.attempts) == before:
            return
        old = self.attempts[-1]
        if not deleted:
            self.newer_state("Bob" if self.name == "Ada" else "Ada")
        elif self.present:
            self.the_customer_is_deleted()
        self.store.expire()
        self.claim()
        new = self.attempts[-1]
        for step in order:
            attempt = old if step.startswith("old") else new
            if step.endswith("sends") and not attempt.ending:
                self._send(attempt, Fate.APPLIED)
            elif step.endswith("settles") and attempt.ending and attempt in self.attempts:
                self.attempts.remove(attempt)
                self._settle(attempt)

    @precondition(lambda self: self.version)
    @rule(name=st.sampled_from(["Ada", "Bob"]))
    def newer_state_comes_before_a_refusal(self, name: str) -> None:
        before = len(self.attempts)
        self.claim()
        if len(self.attempts) == before:
            return
        attempt = self.attempts.pop()
        self._send(attempt, Fate.REFUSED)
        self.newer_state(name)
        self._settle(attempt)

    @rule()
    def time_passes(self) -> None:
        self.store.expire()

    @precondition(lambda self: self.version)
    @rule()
    def replay(self) -> None:
        self.store.replay()

    @precondition(lambda self: self.capabilities.idempotency is Idempotency.REQUEST_KEY)
    @rule()
    def erase(self) -> None:
        self.store.erase_kept()

    @precondition(lambda self: self.capabilities is ASYNC)
    @rule()
    def the_provider_catches_up(self) -> None:
        self.provider.catch_up()

    @precondition(lambda self: self.capabilities is ASYNC)
    @rule()
    def the_provider_forgets_what_it_accepted(self) -> None:
        self.provider.pending.clear()

    @invariant()
    def no_object_is_doubled(self) -> None:
        assert len(self.provider.objects) <= 1

    @invariant()
    def nothing_is_forgotten(self) -> None:
        seen = self.store.seen()
        assert not seen.exists or seen.due or seen.leased or seen.resting or seen.converged

    @invariant()
    def only_what_was_refused_is_dead(self) -> None:
        seen = self.store.seen()
        assert seen.resting != Resting.DEAD or seen.generation in self.refused

    @invariant()
    def what_is_at_rest_and_converged_is_right(self) -> None:
        seen = self.store.seen()
        if self.attempts or not seen.exists or seen.leased or seen.unconfirmed or seen.resting or not seen.converged:
            return
        assert self.provider.shown() == self._wanted()

    def teardown(self) -> None:
        """In the end all is well, and so the provider holds the newest state."""
        for attempt in list(self.attempts):
            if attempt.sent and attempt.ending:
                self._settle(attempt)
        self.attempts.clear()
        if self.store.seen().resting == Resting.DEAD:
            self.store.replay()
        for _ in range(_MOST_ROUNDS):
            self.provider.catch_up()
            self.store.expire()
            claimed = self.store.claim()
            if claimed is None:
                break
            attempt = Attempt(claimed, plan(claimed, self.capabilities))
            self._send(attempt, Fate.APPLIED)
            self._settle(attempt)
        else:
            raise AssertionError("it does not come to rest")
        self._check_the_end()

    def _check_the_end(self) -> None:
        seen = self.store.seen()
        assert len(self.provider.objects) <= 1
        if seen.resting == Resting.UNKNOWN:
            assert self.capabilities.idempotency in {Idempotency.NONE, Idempotency.REQUEST_KEY}
            return
        assert seen.resting is None
        assert not seen.leased
        assert not seen.unconfirmed
        assert self.provider.shown() == self._wanted()

    def _wanted(self) -> str | None:
        return self.name if self.present and self.routed else None

    def _take(self) -> None:
        self.store.take(self.version, self.name, present=self.present, routed=self.routed)

    def _settle(self, attempt: Attempt) -> None:
        lane, step = attempt.claim.lane, attempt.step
        called = attempt.sent or isinstance(step, Send | Confirm)
        operation: Call | None = (
            step.operation if isinstance(step, Send) else CONFIRM if isinstance(step, Confirm) else None
        )
        assert attempt.ending is not None
        if isinstance(attempt.ending, Rejected):
            self.refused.add(step.generation if isinstance(step, Send) else lane.generation)
        self.store.settle(
            attempt.claim,
            Finished(
                lane_id=lane.id,
                lease_token=lane.lease_token,
                operation=operation if called else None,
                generation=step.generation if isinstance(step, Send) else lane.generation,
                version=step.state.version if isinstance(step, Send) and step.state else lane.version,
                ending=attempt.ending,
                sent=attempt.sent,
                number=lane.attempts + 1,
                digest=attempt.digest,
                learned=attempt.learned,
                kept_was_sent=isinstance(step, Send) and step.keep and lane.in_doubt,
            ),
        )

    def _send(self, attempt: Attempt, fate: Fate) -> None:
        """Carry an attempt out; past the deadline, which ends before the lease, no create that could double is sent."""
        if attempt.overtaken and not self._may_be_late(attempt.step):
            attempt.ending = Released()
            return
        if isinstance(attempt.step, LookUp):
            found = self.provider.find()
            attempt.learned = Learned(present=found is not None, remote=found)
            lane = learn(attempt.claim.lane, attempt.learned)
            attempt.claim = Claim(lane=lane, state=attempt.claim.state)
            attempt.step = plan(attempt.claim, self.capabilities)
        match attempt.step:
            case NothingToDo():
                attempt.ending = Unchanged()
            case Rest():
                attempt.ending = attempt.step
            case Confirm(_, state):
                shown = self.provider.shown()
                wanted = state.customer.first_name if state and state.customer else None
                attempt.digest = wanted.encode() if wanted else None
                attempt.ending = Confirmed(present=wanted is not None) if shown == wanted else Differs()
            case Send():
                self._call(attempt, attempt.step, fate)
            case _:
                raise AssertionError(f"{attempt.step} is no step after a look-up")

    def _call(self, attempt: Attempt, step: Send, fate: Fate) -> None:
        lane = attempt.claim.lane
        name = step.state.customer.first_name if step.state and step.state.customer else None
        attempt.digest = name.encode() if name else None
        if (
            step.operation == "update"
            and not lane.in_doubt
            and lane.digest is not None
            and lane.digest == attempt.digest
        ):
            attempt.ending = Unchanged()
            return
        attempt.sent, attempt.late = fate is not Fate.NOT_SENT, attempt.overtaken and fate is not Fate.NOT_SENT
        attempt.ending = self.provider.call(step.operation, name, f"{lane.id}-{step.generation}", fate)

    def _may_be_late(self, step: Step) -> bool:
        if isinstance(step, LookUp):
            return False
        creates = isinstance(step, Send) and step.operation == "create"
        return not creates or self.capabilities.repeatable_create
