"""One provider's loop in one process: gate, rate limit, claim, attempts.

Each provider has its own, so that one provider's trouble never slows another.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import assert_never
from uuid import UUID

from sendto.kernel.clock import Clock
from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.failpoints import Point, reach
from sendto.runtime.listen import Wake
from sendto.runtime.logs import bug, logger
from sendto.runtime.tracing import Span, Tracer
from sendto.sdk import Gone, Operation, Unauthorized
from sendto_dispatcher.domain.endings import Finished, Released
from sendto_dispatcher.domain.floor import DueFloor
from sendto_dispatcher.domain.gate import Open, Probe, Shut
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.pace import LATE_S, Grant
from sendto_dispatcher.domain.plan import Send
from sendto_dispatcher.engine import metrics
from sendto_dispatcher.engine.attempt import TRY_ALONE, Attempt, Carrier
from sendto_dispatcher.engine.courtesy import Courtesy
from sendto_dispatcher.engine.pace import Pace
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.engine.record import attempt_record, log_attempt
from sendto_dispatcher.engine.settler import Settler
from sendto_dispatcher.engine.slots import Call, Slots
from sendto_dispatcher.engine.standing import Standing
from sendto_dispatcher.engine.tracing import begin_spans, end_span
from sendto_dispatcher.settings import EngineSettings
from sendto_dispatcher.store import claims as claim_store
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.settles import AttemptRecord
from sendto_dispatcher.store.shadow import leave_shadow
from sendto_dispatcher.store.traces import with_merged

_log = logger(__name__)

_PASSED = Released("turn_has_passed")
_AWAY_PAUSE_S = 0.5
_OVERDUE_PAUSE_S = 0.02
"""before looking again at lanes that are due and could not be claimed: someone else is at them"""
_HANGING_SHARE = 10
"""a tenth of the slots, at least one, may go to lanes whose last attempt timed out"""
_LOOK_AROUND_S = 5.0
_PROBE_TRIES = 20
"""lanes that a probe looks at until one of them needs a call"""


class Runner:
    """Serves the lanes of one provider until it is stopped."""

    def __init__(
        self,
        provider: Provider,
        settings: EngineSettings,
        database: Database,
        settler: Settler,
        carrier: Carrier,
        clock: Clock,
        *,
        replica: str,
        cleared: Callable[[], str | None],
        catching_up: Callable[[], bool] = lambda: False,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._courtesy = Courtesy(catching_up, settings.give_way_s, clock)
        self._cleared = cleared
        self._provider = provider
        self._settings = settings
        self._database = database
        self._settler = settler
        self._carrier = carrier
        self._clock = clock
        self._replica = replica
        self._freed = Wake()
        self._unsettled: set[tuple[int, UUID]] = set()
        """calls whose outcomes are not written yet: the last lane of each, and its lease"""
        self._slots = Slots(provider.concurrency, self._call, self._ended, lambda: len(self._unsettled))
        self._round: asyncio.Task[float] | None = None
        self._floor = DueFloor()
        self._stopping = False
        self._busy = False
        self._alone: set[int] = set()
        """lanes whose batch was refused"""
        self._looked_around_s: float | None = None
        self.wake = Wake()
        self._pace = Pace(provider, database, clock)
        self._standing = Standing(provider, settings, database, self._pace, clock, self.wake)

    @property
    def provider(self) -> Provider:
        """The provider that it serves."""
        return self._provider

    @property
    def in_flight(self) -> int:
        """Calls that are under way."""
        return self._slots.in_flight

    async def run(self) -> None:
        """Claim and carry out until cancelled; what a call did not expect ends the loop."""
        while True:
            try:
                await self._settler.room()
                await self._courtesy.wait()
                await self._until_worth_it()
                if self._slots.failure is not None:
                    raise RuntimeError("a call ended in a way that nobody expected") from self._slots.failure
                self._round = asyncio.create_task(self.run_once())
                wait_s = await asyncio.shield(self._round)  # a claim that is under way is never torn apart
            except DatabaseAway as error:
                _log.warning("claims_wait", provider=self._provider.name, reason="database_away", error=str(error))
                wait_s = _AWAY_PAUSE_S
            if wait_s > 0:
                await self.wake.wait(min(wait_s, self._settings.poll_interval_s))

    async def drain(self, timeout_s: float) -> None:
        """Let the calls that are under way finish; what has not by then is cut off and settled as ambiguous."""
        self._stopping = True
        if self._round is not None:
            await asyncio.gather(self._round, return_exceptions=True)
        self._release(self._slots.take_back())
        await self._slots.drain(timeout_s)
        await self._pace.close()
        await self._provider.transport.close()

    async def run_once(self) -> float:
        """Claim what is due and start its attempts; seconds to wait before the next look, 0 if more may be due."""
        if self._cleared() is None:
            return self._settings.poll_interval_s
        await self._look_around()
        gate_now = await self._standing.gate()
        if not isinstance(gate_now, Open):
            self._release(self._slots.take_back())
        match gate_now:
            case Shut(wait_s):
                return self._settings.poll_interval_s if wait_s is None else wait_s
            case Probe(besides):
                return await self._probe(besides)
            case Open():
                return await self._serve()
            case _:
                assert_never(gate_now)

    async def _serve(self) -> float:
        # Requests of a rate limit, and lanes of a batch, are taken when they can go out, not ahead.
        ahead = self._busy and self._provider.bucket is None and self._provider.batch == 1
        self._slots.look_ahead(self._clock.monotonic_s(), self._settings.claim_lanes if ahead else 0)
        self._slots.go_on()
        most = -(-self._settings.claim_lanes // self._provider.batch)
        grant = await self._pace.take(min(self._slots.room, most))
        if not grant.operations:
            return grant.wait_s
        lanes = min(grant.operations * self._provider.batch, self._settings.claim_lanes)
        since = self._floor.since(self._clock.monotonic_s())
        claims = await self._claim_and_start(grant, self._request(lanes, since))
        self._busy = len(claims) == lanes
        self._floor.learn((claim.lane.due_at for claim in claims), more=self._busy)
        return 0.0 if self._busy or since is not None else await self._until_due()

    async def _probe(self, besides: Sequence[int]) -> float:
        """Let one lane go out; those that turn out to need no call do not count."""
        grant = await self._pace.take(1)
        if not grant.operations:
            return grant.wait_s
        before = self._slots.in_flight
        for _ in range(_PROBE_TRIES):
            claimed = await self._claim_and_start(grant, self._request(1), besides)
            if not claimed or self._slots.in_flight > before or self._stopping:
                break
            grant = await self._pace.take(1)
        return self._settings.probe_interval_s

    async def _claim_and_start(
        self, grant: Grant, request: claim_store.ClaimRequest, besides: Sequence[int] | None = None
    ) -> list[Claim]:
        """Claim lanes, start their calls within the grant, give back what they do not need; what was claimed."""
        started_s = self._clock.monotonic_s()
        try:
            claims = await self._claim(request, besides)
        except BaseException:
            self._pace.differ(taken=grant.requests, made=0)
            raise
        needed = self._start(claims, grant, started_s, at_once=besides is not None)
        await self._pace.give_back(grant.requests - needed)
        return claims

    async def _until_worth_it(self) -> None:
        """Wait for a free slot; under load for a few, so that a claim is worth its transaction."""
        while not self._slots.low and self._slots.failure is None:
            await self._freed.wait(self._settings.poll_interval_s)
            if self._slots.give_up(self._clock.monotonic_s()):
                _log.error("call_never_ends", provider=self._provider.name)
            self._release(self._slots.take_back(self._clock.monotonic_s()))
        if self._busy and self._slots.room < self._provider.concurrency // 4:
            await asyncio.sleep(self._settings.settle_linger_s)

    @property
    def _hanging_free(self) -> int:
        return max(0, max(1, self._provider.concurrency // _HANGING_SHARE) - self._slots.hanging)

    def _request(self, lanes: int, since: datetime | None = None) -> claim_store.ClaimRequest:
        return claim_store.ClaimRequest(
            provider=self._provider.name,
            lanes=lanes,
            hanging_lanes=self._hanging_free,
            token=new_uuid(),
            replica=self._replica,
            lease_s=self._provider.lease_s,
            database=self._cleared() or "",
            since=since,
        )

    async def _claim(self, request: claim_store.ClaimRequest, besides: Sequence[int] | None) -> list[Claim]:
        """Claim due lanes, or, where `besides` is given, one for a probe."""

        async def claim(connection: Connection) -> list[Claim]:
            if besides is None:
                claims = await claim_store.claim(connection, request)
            else:
                claims = await claim_store.claim_probe(connection, request, besides)
            await claim_store.keep_bodies(connection, list(self._to_keep(claims)))
            if self._tracer is not None and claims:
                claims = await with_merged(connection, claims)
            if besides is not None and claims:
                await provider_store.note_probe(connection, request.provider, claims[0].lane.id)
            reach(Point.ENGINE_CLAIM_WRITTEN)
            return claims

        reach(Point.ENGINE_CLAIM)
        claims = await self._database.in_transaction(claim)
        reach(Point.ENGINE_CLAIMED)
        return claims

    def _to_keep(self, claims: Sequence[Claim]) -> Iterator[claim_store.Keep]:
        for claim in claims if self._provider.keeps_bodies else ():
            step = self._carrier.plan(claim)
            if isinstance(step, Send) and step.keep and step.state and step.generation == claim.lane.generation:
                yield claim.lane.id, step.generation, step.state

    async def _look_around(self) -> None:
        """Now and then: say that the provider is served; make lanes due that were translated only.

        Before the first claim, so that no failure is older than the time in which it was served. And again later:
        another replica may have been in shadow longer.
        """
        now_s = self._clock.monotonic_s()
        if self._looked_around_s is not None and now_s - self._looked_around_s < _LOOK_AROUND_S:
            return
        async with self._database.connection() as connection:
            await provider_store.note_served(connection, self._provider.name)
            while not self._provider.shadow and await leave_shadow(connection, self._provider.name):
                continue
        self._looked_around_s = now_s

    async def _until_due(self) -> float:
        hanging = self._hanging_free > 0
        async with self._database.connection() as connection:
            seconds = await claim_store.next_due_s(connection, self._provider.name, hanging=hanging)
        if seconds is None:
            return self._settings.poll_interval_s
        return max(seconds, _OVERDUE_PAUSE_S)

    def _start(self, claims: Sequence[Claim], grant: Grant, started_s: float, *, at_once: bool) -> int:
        """Settle what needs no call; start as many calls as were granted, each at its time; release the rest.

        `at_once`: also where no slot is free.

        Returns the requests that the calls may make.
        """
        granted_s = self._clock.monotonic_s()
        batches = list(self._batches(list(self._needing_calls(claims))))
        deadline_s = started_s + self._provider.timeout_s
        calls: list[Call] = []
        requests = 0
        for batch in batches:
            needed = self._provider.requests_of(batch[0].step)
            requests += needed
            hanging = any(attempt.claim.lane.hanging for attempt in batch)
            calls.append(Call(batch, deadline_s, grant.starts_s(requests, granted_s), needed, hanging))
        granted = 0 if self._stopping else grant.operations
        self._slots.add(calls[:granted], granted_s, at_once=at_once)
        self._release(calls[granted:])
        return sum(call.requests for call in calls[:granted])

    def _release(self, calls: Sequence[Call]) -> None:
        """Let others have lanes that nothing was sent for."""
        for call in calls:
            for attempt in call.attempts:
                self._settle(attempt, attempt.finished(Released(), sent=False, requests=0), 0.0)

    def _needing_calls(self, claims: Sequence[Claim]) -> Iterator[Attempt]:
        for claim in claims:
            attempt = self._carrier.start(claim)
            ended = self._carrier.ended_without_call(attempt)
            if ended is None and self._provider.shadow:
                ended = self._carrier.shadowed(attempt)
            if ended is None:
                yield attempt
            else:
                self._settle(attempt, ended, 0.0)

    def _batches(self, attempts: Sequence[Attempt]) -> Iterator[list[Attempt]]:
        """Attempts that go into one call: of one operation, as many as the provider takes."""
        if self._provider.batch == 1:
            yield from ([attempt] for attempt in attempts)
            return
        sends: list[tuple[Operation, Attempt]] = []
        for attempt in attempts:
            if isinstance(attempt.step, Send) and attempt.claim.lane.id not in self._alone:
                sends.append((attempt.step.operation, attempt))
            else:
                yield [attempt]
        for operation, same in groupby(sorted(sends, key=itemgetter(0)), key=itemgetter(0)):
            group, size = [attempt for _, attempt in same], self._provider.batch_of(operation)
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def settled(self, records: Sequence[AttemptRecord]) -> None:
        """Outcomes are written: slots are free."""
        self._unsettled.difference_update(record.finished.lease for record in records)
        self._slots.settled()
        self._freed()

    def _ended(self) -> None:
        """A slot is free, or what waits runs low."""
        self._freed()
        if (failure := self._slots.failure) is not None:
            _log.error("call_crashed", provider=self._provider.name, **bug(failure))
        if self._busy or self._slots.waiting or failure is not None:
            self.wake()

    async def _call(self, call: Call) -> bool:
        """Make a call and settle what came of it; whether the provider is well."""
        at_s = max(call.at_s, self._clock.monotonic_s())
        spans = begin_spans(self._tracer, self._provider.name, call.attempts) if self._tracer else []
        finished = await self._carried_out(call)
        # The first one of a batch stands for its requests.
        duration_ms = max(0.0, self._clock.monotonic_s() - at_s) * 1000 if finished[0].requests else 0.0
        passed = finished[0].ending == _PASSED
        self._pace.differ(taken=call.requests, made=call.requests if passed else finished[0].requests)
        judged = await self._judged(finished)
        for attempt, one, span in zip_longest(call.attempts, judged, spans):
            self._settle(attempt, one, duration_ms, span)
        if finished[0].requests:
            self._unsettled.add(judged[-1].lease)
        if self._provider.batch > 1:
            self._alone.difference_update(one.lane_id for one in judged)
            self._alone.update(one.lane_id for one in judged if one.ending == Released(TRY_ALONE))
        # A call is one thing that happened to the provider, however many lanes it was for.
        kinds = {type(one.ending): one for one in judged}.values() if len(judged) > 1 else judged
        return all([await self._standing.notice(one) for one in kinds])

    async def _carried_out(self, call: Call) -> list[Finished]:
        """Wait for the call's time, then make it, unless its turn has passed."""
        wait_s = call.at_s - self._clock.monotonic_s()
        if wait_s > 0:
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                return _unsent(call, Released("stopping"))
        if self._provider.bucket is not None and self._clock.monotonic_s() > call.at_s + LATE_S:
            return _unsent(call, _PASSED)
        reach(Point.ENGINE_CALL)
        finished = await self._carrier.carry_out(call.attempts, call.deadline_s)
        reach(Point.ENGINE_CALLED)
        return finished

    async def _judged(self, finished: list[Finished]) -> list[Finished]:
        if not any(isinstance(one.ending, Unauthorized | Gone) for one in finished):
            return finished
        try:
            return await asyncio.gather(*(self._standing.judge(one) for one in finished))
        except asyncio.CancelledError:  # a refusal did nothing: it is settled as it is, and tried again
            return finished

    def _settle(self, attempt: Attempt, finished: Finished, duration_ms: float, span: Span | None = None) -> None:
        record: AttemptRecord = attempt_record(attempt.claim.lane, finished, duration_ms)
        self._settler.add(record)
        if finished.operation is not None:
            log_attempt(record, attempt.claim.state)
            metrics.attempt(record)
            if span is not None:
                end_span(span, record)


def _unsent(call: Call, why: Released) -> list[Finished]:
    return [attempt.finished(why, sent=False, requests=0) for attempt in call.attempts]
