"""Carrying out attempts: from a claimed lane, through look-up and call, to how it ended.

Nothing here touches the database. Whatever happens, every claimed lane ends as exactly one `Finished`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import assert_never

from sendto.kernel.clock import Clock
from sendto.runtime.logs import bug, logger
from sendto.sdk import (
    Ambiguous,
    BatchAdapter,
    Command,
    HttpFailure,
    LookupFailed,
    Operation,
    Outcome,
    RemoteRef,
    TooLate,
    Transient,
    classify_failure,
)
from sendto_dispatcher.domain.digest import content_digest
from sendto_dispatcher.domain.lane import Claim, Version
from sendto_dispatcher.domain.plan import Learned, LookUp, NothingToDo, Rest, Send, Step, learn, plan
from sendto_dispatcher.domain.settle import Ending, Finished, Interrupted, Released, Unchanged
from sendto_dispatcher.domain.words import keepable
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.engine.transport import AttemptHttp

_log = logger(__name__)


@dataclass(slots=True)
class Attempt:
    """One lane's way through a call."""

    claim: Claim
    step: Step
    command: Command | None = None
    digest: bytes | None = None
    learned: Learned | None = None

    @property
    def operation(self) -> Operation | None:
        """What was, or would have been, done at the provider."""
        match self.step:
            case Send(operation):
                return operation
            case LookUp():
                return Operation.CREATE
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
        return plan(claim, self.provider.capabilities)

    def start(self, claim: Claim) -> Attempt:
        """Plan the lane's next step, and make the command for it."""
        attempt = Attempt(claim, self.plan(claim))
        self._prepare(attempt)
        return attempt

    def ended_without_call(self, attempt: Attempt) -> Finished | None:
        """The end of an attempt that needs no call, else None."""
        match attempt.step:
            case NothingToDo():
                return attempt.finished(Unchanged(), sent=False, requests=0)
            case Rest():
                return attempt.finished(attempt.step, sent=False, requests=0)
            case Send(Operation.UPDATE) if self._changes_nothing(attempt):
                return attempt.finished(Unchanged(), sent=False, requests=0)
            case Send() | LookUp():
                return None
            case _:
                assert_never(attempt.step)

    async def carry_out(self, attempts: Sequence[Attempt], deadline_s: float) -> list[Finished]:
        """Call the provider for one attempt, or for several in one request; `deadline_s` is on the monotonic clock."""
        http = self.provider.transport.attempt(deadline_s=deadline_s, clock=self.clock)
        try:
            async with asyncio.timeout(max(0.0, deadline_s - self.clock.monotonic_s())):
                endings = await self._endings(attempts, http, deadline_s)
        except asyncio.CancelledError:
            endings = [Interrupted() if http.sent else Released("stopping")] * len(attempts)
        except TimeoutError:
            endings = [self._timed_out(attempt, sent=http.sent) for attempt in attempts]
        return [
            attempt.finished(ending, sent=http.sent, requests=http.requests if number == 0 else 0)
            for number, (attempt, ending) in enumerate(zip(attempts, endings, strict=True))
        ]

    async def _endings(self, attempts: Sequence[Attempt], http: AttemptHttp, deadline_s: float) -> list[Ending]:
        try:
            return await self._call(attempts, http, deadline_s)
        except TooLate:
            return [Released("deadline_before_first_byte") if not http.sent else self._lost(attempts[0])] * len(
                attempts
            )
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
            return list(outcomes)
        [attempt] = attempts
        if isinstance(attempt.step, LookUp):
            try:
                await self._look_up(attempt, http)
            except LookupFailed as failure:
                return [_still_in_doubt(failure.outcome)]
            finished = self.ended_without_call(attempt)
            if finished is not None:
                return [finished.ending]
        return [await adapter.apply(self._timed(attempt, deadline_s), http)]

    async def _look_up(self, attempt: Attempt, http: AttemptHttp) -> None:
        found = await self.provider.adapter.find(attempt.claim.lane.reference, http)
        attempt.learned = Learned(present=found is not None, remote=found.value if found else None)
        attempt.claim = replace(attempt.claim, lane=learn(attempt.claim.lane, attempt.learned))
        attempt.step = self.plan(attempt.claim)
        self._prepare(attempt)

    def _prepare(self, attempt: Attempt) -> None:
        if not isinstance(attempt.step, Send):
            return
        attempt.command = self._command(attempt.claim, attempt.step)
        if attempt.step.operation is not Operation.DELETE:
            attempt.digest = content_digest(self.digest_key, self.provider.adapter.content(attempt.command))

    def _changes_nothing(self, attempt: Attempt) -> bool:
        lane = attempt.claim.lane
        return not lane.in_doubt and lane.digest is not None and lane.digest == attempt.digest

    def _command(self, claim: Claim, step: Send) -> Command:
        lane, state = claim.lane, step.state
        version: Version = state.version if state else lane.version
        occurred_at: datetime = (state or claim.state).occurred_at if state or claim.state else datetime.now(UTC)  # type: ignore[union-attr]  # one of them is there
        return Command(
            operation=step.operation,
            reference=lane.reference,
            source=lane.source,
            order_id=lane.order_id,
            version=version.shown,
            generation=step.generation,
            customer=state.customer if state else None,
            order=state.order if state else None,
            remote=RemoteRef(lane.remote) if lane.remote else None,
            idempotency_key=f"sendto-{lane.id}-{step.generation}",
            occurred_at=occurred_at,
            attempt=lane.attempts + 1,
            deadline_s=self.provider.timeout_s,
        )

    def _timed(self, attempt: Attempt, deadline_s: float) -> Command:
        if attempt.command is None:
            raise AssertionError("an attempt is carried out only after it was planned to send something")
        return replace(attempt.command, deadline_s=max(0.0, deadline_s - self.clock.monotonic_s()))

    def _failed(self, attempt: Attempt, failure: HttpFailure) -> Outcome:
        return classify_failure(attempt.operation or Operation.CREATE, self.provider.capabilities, failure)

    def _timed_out(self, attempt: Attempt, *, sent: bool) -> Ending:
        if not sent:
            return Released("deadline_before_first_byte")
        return self._lost(attempt)

    def _lost(self, attempt: Attempt) -> Outcome:
        return self._maybe_done(attempt, "timeout", timed_out=True)

    def _broken(self, attempt: Attempt, *, sent: bool) -> Outcome:
        if not sent:
            return Transient("adapter_error", "the adapter failed before it sent anything", nothing_done=True)
        return self._maybe_done(attempt, "adapter_error", timed_out=False)

    def _maybe_done(self, attempt: Attempt, code: str, *, timed_out: bool) -> Outcome:
        if attempt.operation is Operation.CREATE and not self.provider.capabilities.repeatable_create:
            return Ambiguous(code, timed_out=timed_out)
        return Transient(code, timed_out=timed_out)


def _still_in_doubt(outcome: Outcome) -> Outcome:
    """A look-up that told nothing leaves the create in doubt, whatever the provider answered to it."""
    match outcome:
        case Transient(code, detail, _, _, timed_out):
            return Ambiguous(f"lookup_{code}", detail, timed_out=timed_out)
        case _:
            return outcome
