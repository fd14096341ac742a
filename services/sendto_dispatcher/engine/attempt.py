"""Carrying out attempts: from a claimed lane, through look-up and call, to how it ended.

Nothing here touches the database. Whatever happens, every claimed lane ends as exactly one `Finished`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from msgspec import structs

from sendto.kernel.clock import Clock
from sendto.runtime.logs import bug, logger
from sendto.sdk import (
    BATCH_REFUSED,
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    BatchAdapter,
    Command,
    FetchingAdapter,
    Gone,
    HttpFailure,
    LookupFailed,
    Operation,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    TooLate,
    Transient,
    Unauthorized,
    Unsupported,
    classify_failure,
)
from sendto_dispatcher.domain.commands import command_for, timed
from sendto_dispatcher.domain.digest import content_digest
from sendto_dispatcher.domain.drift import difference
from sendto_dispatcher.domain.endings import (
    ADAPTER_ERROR,
    CONFIRM,
    Call,
    Confirmed,
    Differs,
    Ending,
    Finished,
    Interrupted,
    Released,
    Shadowed,
    Unchanged,
)
from sendto_dispatcher.domain.lane import Claim, Resting, State
from sendto_dispatcher.domain.plan import Confirm, Learned, LookUp, NothingToDo, Rest, Send, Step, learn, plan
from sendto_dispatcher.domain.words import checked, keepable, keepable_id
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.engine.transport import AttemptHttp

_log = logger(__name__)

TRY_ALONE = "batch_refused_try_alone"
"""why lanes are released that are tried alone next"""
_GRACE_S = 0.1
"""after the deadline: the transport keeps it by itself, and two timers that fire at once get in each other's way"""


@dataclass(slots=True)
class Attempt:
    """One lane's way through a call."""

    claim: Claim
    step: Step
    command: Command | None = None
    digest: bytes | None = None
    learned: Learned | None = None

    @property
    def operation(self) -> Call | None:
        """What was, or would have been, done at the provider."""
        match self.step:
            case Send(operation):
                return operation
            case LookUp():
                return Operation.CREATE
            case Confirm():
                return CONFIRM
            case _:
                return None

    def finished(self, ending: Ending, *, sent: bool, requests: int) -> Finished:
        """How it ended, for the settle."""
        lane = self.claim.lane
        generation, version = lane.generation, lane.version
        if isinstance(self.step, Send):
            generation = self.step.generation
            version = self.step.state.version if self.step.state else version
        called = not isinstance(ending, Unchanged | Rest) and not (isinstance(ending, Released) and not requests)
        return Finished(
            lane_id=lane.id,
            lease_token=lane.lease_token,
            operation=self.operation if called else None,
            generation=generation,
            version=version,
            ending=keepable(ending),
            sent=sent,
            number=lane.attempts + 1,
            requests=requests,
            digest=self.digest,
            learned=self.learned,
            kept_was_sent=isinstance(self.step, Send) and self.step.keep and lane.in_doubt,
        )


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries out the attempts of one provider."""

    provider: Provider
    digest_key: bytes = field(repr=False)
    clock: Clock

    def plan(self, claim: Claim) -> Step:
        """The lane's next step."""
        return plan(claim, self.provider.capabilities, attempt_s=self.provider.timeout_s)

    def start(self, claim: Claim) -> Attempt:
        """Plan the lane's next step, and make the command for it."""
        attempt = Attempt(claim, self.plan(claim))
        try:
            self._prepare(attempt)
        except Exception as error:  # noqa: BLE001 - a plugin's bug must cost its own lane only
            _log.error("adapter_failed", provider=self.provider.name, **bug(error))
            attempt.step = Rest(Resting.DEAD, ADAPTER_ERROR, "the adapter cannot translate this state")
        return attempt

    def shadowed(self, attempt: Attempt) -> Finished:
        """The end of an attempt at a provider in shadow: what would be sent is translated, and that is all."""
        ending = Shadowed()
        try:
            if attempt.command is not None:
                self.provider.adapter.translate(attempt.command)
        except Exception as error:  # noqa: BLE001 - as above
            _log.error("adapter_failed", provider=self.provider.name, **bug(error))
            ending = Shadowed(ADAPTER_ERROR, "the adapter cannot translate this state")
        return attempt.finished(ending, sent=False, requests=0)

    def ended_without_call(self, attempt: Attempt) -> Finished | None:
        """The end of an attempt that needs no call, else None."""
        match attempt.step:
            case NothingToDo():
                return attempt.finished(Unchanged(), sent=False, requests=0)
            case Rest():
                return attempt.finished(attempt.step, sent=False, requests=0)
            case Send(Operation.UPDATE) if self._changes_nothing(attempt):
                return attempt.finished(Unchanged(), sent=False, requests=0)
            case Send() | LookUp() | Confirm():
                return None
            case _:
                assert_never(attempt.step)

    async def carry_out(self, attempts: Sequence[Attempt], deadline_s: float) -> list[Finished]:
        """Call the provider for one attempt, or for several in one request; `deadline_s` is on the monotonic clock."""
        http = self.provider.transport.attempt(deadline_s=deadline_s, clock=self.clock)
        alarm = _Alarm(max(0.0, deadline_s - self.clock.monotonic_s()) + _GRACE_S)
        try:
            endings = await self._endings(attempts, http, deadline_s)
        except asyncio.CancelledError:
            if alarm.rang():
                endings = [self._too_late(attempt, sent=http.sent) for attempt in attempts]
            else:
                endings = [Interrupted() if http.sent else Released("stopping")] * len(attempts)
        finally:
            alarm.off()
        return [
            attempt.finished(ending, sent=http.sent, requests=http.requests if number == 0 else 0)
            for number, (attempt, ending) in enumerate(zip(attempts, endings, strict=True))
        ]

    async def _endings(self, attempts: Sequence[Attempt], http: AttemptHttp, deadline_s: float) -> list[Ending]:
        try:
            return await self._call(attempts, http, deadline_s)
        except TooLate:
            return [self._too_late(attempt, sent=http.sent) for attempt in attempts]
        except HttpFailure as failure:
            return [self._failed(attempt, failure) for attempt in attempts]
        except Exception as error:  # noqa: BLE001 - a plugin's bug must cost its own lane only
            _log.error("adapter_failed", provider=self.provider.name, **bug(error))
            return [self._broken(attempt, sent=http.sent) for attempt in attempts]

    async def _call(self, attempts: Sequence[Attempt], http: AttemptHttp, deadline_s: float) -> list[Ending]:
        adapter = self.provider.adapter
        if len(attempts) > 1 and isinstance(adapter, BatchAdapter):
            commands = [self._timed(attempt, deadline_s) for attempt in attempts]
            outcomes = await adapter.apply_many(commands, http)
            if len(outcomes) != len(commands):
                raise ValueError("apply_many returned another number of outcomes than it was given commands")
            return _of_batch([checked(outcome) for outcome in outcomes])
        [attempt] = attempts
        try:
            if isinstance(attempt.step, Confirm):
                return [await self._confirm(attempt, attempt.step, http)]
            if isinstance(attempt.step, LookUp):
                await self._look_up(attempt, http)
                finished = self.ended_without_call(attempt)
                if finished is not None:
                    return [finished.ending]
        except LookupFailed as failure:
            return [_not_told(checked(failure.outcome))]
        return [checked(await adapter.apply(self._timed(attempt, deadline_s), http))]

    async def _look_up(self, attempt: Attempt, http: AttemptHttp) -> None:
        """Ask whether the provider holds an object, and plan again. It is certain then that no create is under way."""
        found = await self.provider.adapter.find(attempt.claim.lane.reference, http)
        attempt.learned = Learned(present=found is not None, remote=keepable_id(found.value) if found else None)
        attempt.claim = structs.replace(attempt.claim, lane=learn(attempt.claim.lane, attempt.learned))
        attempt.step = self.plan(attempt.claim)
        self._prepare(attempt)
        http.sent = False

    async def _confirm(self, attempt: Attempt, step: Confirm, http: AttemptHttp) -> Ending:
        """Ask an accepted state back."""
        adapter = self.provider.adapter
        if not isinstance(adapter, FetchingAdapter):
            raise TypeError("only an adapter that says it can fetch is asked to")
        found = await adapter.fetch(RemoteRef(step.remote), http)
        wanted = adapter.content(attempt.command) if attempt.command and attempt.command.customer else None
        if difference(wanted, found.content if found else None) is not None:
            return Differs()
        return Confirmed(present=wanted is not None)

    def _prepare(self, attempt: Attempt) -> None:
        match attempt.step:
            case Send(operation, generation, state):
                attempt.command = self._command(attempt.claim, operation, generation, state)
            case Confirm(_, state) if state is not None:
                lane = attempt.claim.lane
                attempt.command = self._command(attempt.claim, Operation.UPDATE, lane.generation, state)
            case _:
                return
        if attempt.command.operation is not Operation.DELETE:
            attempt.digest = content_digest(self.digest_key, self.provider.adapter.content(attempt.command))

    def _changes_nothing(self, attempt: Attempt) -> bool:
        lane = attempt.claim.lane
        return not lane.in_doubt and lane.digest is not None and lane.digest == attempt.digest

    def _command(self, claim: Claim, operation: Operation, generation: int, state: State | None) -> Command:
        return command_for(claim, operation, generation, state, deadline_s=self.provider.timeout_s)

    def _timed(self, attempt: Attempt, deadline_s: float) -> Command:
        if attempt.command is None:
            raise AssertionError("an attempt is carried out only after it was planned to send something")
        return timed(attempt.command, max(0.0, deadline_s - self.clock.monotonic_s()))

    def _failed(self, attempt: Attempt, failure: HttpFailure) -> Outcome:
        return classify_failure(_changes(attempt), self.provider.capabilities, failure)

    def _too_late(self, attempt: Attempt, *, sent: bool) -> Ending:
        return self._maybe_done(attempt, "timeout", timed_out=True) if sent else Released("deadline_before_first_byte")

    def _broken(self, attempt: Attempt, *, sent: bool) -> Outcome:
        if not sent:
            return Transient(ADAPTER_ERROR, "the adapter failed before it sent anything", nothing_done=True)
        return self._maybe_done(attempt, ADAPTER_ERROR, timed_out=False)

    def _maybe_done(self, attempt: Attempt, code: str, *, timed_out: bool) -> Outcome:
        if _changes(attempt) is Operation.CREATE and not self.provider.capabilities.repeatable_create:
            return Ambiguous(code, timed_out=timed_out)
        return Transient(code, timed_out=timed_out)


class _Alarm:
    """Cancels the call that sets it, after a time. `asyncio.timeout` does this too, and costs ten times as much."""

    def __init__(self, after_s: float) -> None:
        self._call = asyncio.current_task()
        self._rang = False
        self._timer = asyncio.get_running_loop().call_later(after_s, self._ring)

    def rang(self) -> bool:
        """Whether the call was cancelled by this, which is then over."""
        if self._rang and self._call is not None:
            self._call.uncancel()
        return self._rang

    def off(self) -> None:
        """Leave the call alone."""
        self._timer.cancel()

    def _ring(self) -> None:
        self._rang = True
        if self._call is not None:
            self._call.cancel()


def _changes(attempt: Attempt) -> Operation:
    """The operation as the classification of failures sees it: asking back is as harmless as an update."""
    operation = attempt.operation or Operation.CREATE
    return Operation.UPDATE if operation == CONFIRM else operation


def _of_batch(outcomes: list[Outcome]) -> list[Ending]:
    """What became of each lane of a batch.

    One of which nothing was taken may have been refused for one of its lanes. Where it is known which, the others go
    again without it; else each is tried alone.
    """
    refused = sum(isinstance(outcome, Rejected) for outcome in outcomes)
    if refused == len(outcomes):
        return [Released(TRY_ALONE)] * len(outcomes)
    again = Released(BATCH_REFUSED if refused else TRY_ALONE)
    return [
        again if isinstance(outcome, Transient) and outcome.code == BATCH_REFUSED else outcome for outcome in outcomes
    ]


def _not_told(outcome: Outcome) -> Outcome:
    """A look-up that told nothing leaves the create in doubt, whatever the provider answered to it."""
    match outcome:
        case Transient(code, detail, retry_after_s, _, timed_out):
            return Ambiguous(f"lookup_{code}", detail, timed_out=timed_out, retry_after_s=retry_after_s)
        case Applied() | Accepted() | AlreadyAbsent() | Unsupported():
            return Ambiguous("lookup_unclear", "the look-up's answer tells neither presence nor absence")
        case Ambiguous() | RateLimited() | Rejected() | Unauthorized() | Gone():
            return outcome
        case _:
            assert_never(outcome)
