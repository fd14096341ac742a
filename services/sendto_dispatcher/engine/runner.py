"""One provider's loop in one process: gate, rate limit, claim, attempts, and what they say of the provider.

Each provider has its own, so that one provider's trouble never slows another.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from sendto.kernel.clock import Clock
from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.listen import Wake
from sendto.runtime.logs import logger
from sendto.sdk import Gone, Health, HealthVerdict, HttpFailure, RateLimited, Rejected, Transient, Unauthorized
from sendto_dispatcher.domain.breaker import Breaker, answered
from sendto_dispatcher.domain.gate import Gate, Open, Probe, Shut, gate
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.plan import Send
from sendto_dispatcher.domain.settle import Ending, Finished, Held, Released
from sendto_dispatcher.engine import metrics
from sendto_dispatcher.engine.attempt import Attempt, Carrier
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.engine.record import attempt_record, log_attempt
from sendto_dispatcher.engine.settler import Settler
from sendto_dispatcher.settings import EngineSettings
from sendto_dispatcher.store import claims as claim_store
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.settles import AttemptRecord

_log = logger(__name__)

_AWAY_PAUSE_S = 0.5
_OVERDUE_PAUSE_S = 0.02
"""before looking again at lanes that are due and could not be claimed: someone else is at them"""
_HANGING_SHARE = 10
"""a tenth of the slots, at least one, may go to lanes whose last attempt timed out"""


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
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._database = database
        self._settler = settler
        self._carrier = carrier
        self._clock = clock
        self._replica = replica
        self._breaker = Breaker(
            window=settings.breaker_window, window_s=settings.breaker_window_s, lanes=settings.breaker_lanes
        )
        self._calls: set[asyncio.Task[None]] = set()
        self._hanging: int = 0
        self._unused_requests = 0
        self._stopped_by_us = False
        self._checking: asyncio.Task[Health] | None = None
        self._round: asyncio.Task[float] | None = None
        self._stopping = False
        self._busy = False
        self.wake = Wake()

    @property
    def provider(self) -> Provider:
        """The provider that it serves."""
        return self._provider

    @property
    def in_flight(self) -> int:
        """Calls that are under way."""
        return len(self._calls)

    async def run(self) -> None:
        """Claim and carry out until cancelled."""
        while True:
            try:
                await self._settler.room()
                await self._slots()
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
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=timeout_s)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._provider.transport.close()

    async def run_once(self) -> float:
        """Claim what is due and start its attempts; seconds to wait before the next look, 0 if more may be due."""
        gate_now = await self._gate()
        match gate_now:
            case Shut(wait_s):
                return self._settings.poll_interval_s if wait_s is None else wait_s
            case Probe() | Open():
                calls, wait_s = await self._take_requests(1 if isinstance(gate_now, Probe) else self._free())
        if not calls:
            return wait_s
        lanes = 1 if isinstance(gate_now, Probe) else min(calls * self._provider.batch, self._settings.claim_lanes)
        started_s = self._clock.monotonic_s()
        claims = await self._claim(lanes)
        self._start(claims, calls, started_s + self._provider.timeout_s)
        self._busy = len(claims) == lanes
        return 0.0 if self._busy and not isinstance(gate_now, Probe) else await self._until_due()

    async def _gate(self) -> Gate:
        async with self._database.connection() as connection:
            state = await provider_store.state(connection, self._provider.name)
            now = gate(state)
            self._stopped_by_us = state.held_at is not None or state.opened_at is not None
            if isinstance(now, Probe):
                interval_s = self._settings.probe_interval_s
                if not await provider_store.win_probe(connection, self._provider.name, interval_s=interval_s):
                    return Shut(interval_s)
            return now

    def _free(self) -> int:
        return max(0, self._provider.concurrency - len(self._calls))

    async def _slots(self) -> None:
        """Wait for a free slot; under load for a few, so that a claim is worth its transaction."""
        while not self._free():
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        if self._busy and self._free() < self._provider.concurrency // 4:
            await asyncio.sleep(self._settings.settle_linger_s)

    async def _take_requests(self, calls: int) -> tuple[int, float]:
        bucket = self._provider.bucket
        if bucket is None or not calls:
            return calls, 0.0
        unused, self._unused_requests = self._unused_requests, 0

        async def take(connection: Connection) -> tuple[int, float]:
            return await provider_store.take_requests(
                connection,
                self._provider.name,
                bucket,
                operations=calls,
                requests_each=self._provider.requests_each,
                unused=unused,
            )

        return await self._database.in_transaction(take)

    async def _claim(self, lanes: int) -> list[Claim]:
        request = claim_store.ClaimRequest(
            provider=self._provider.name,
            lanes=lanes,
            hanging_lanes=max(0, max(1, self._provider.concurrency // _HANGING_SHARE) - self._hanging),
            token=new_uuid(),
            replica=self._replica,
            lease_s=self._provider.lease_s,
        )

        async def claim(connection: Connection) -> list[Claim]:
            claims = await claim_store.claim(connection, request)
            await claim_store.keep_bodies(connection, list(self._to_keep(claims)))
            return claims

        return await self._database.in_transaction(claim)

    def _to_keep(self, claims: Sequence[Claim]) -> Iterator[claim_store.Keep]:
        for claim in claims:
            step = self._carrier.plan(claim)
            if isinstance(step, Send) and step.keep and step.state and step.generation == claim.lane.generation:
                yield claim.lane.id, step.generation, step.state

    async def _until_due(self) -> float:
        async with self._database.connection() as connection:
            seconds = await claim_store.next_due_s(connection, self._provider.name)
        if seconds is None:
            return self._settings.poll_interval_s
        return max(seconds, _OVERDUE_PAUSE_S)

    def _start(self, claims: Sequence[Claim], calls: int, deadline_s: float) -> None:
        """Settle what needs no call; start as many calls as were granted; release the rest."""
        to_send: list[Attempt] = []
        for claim in claims:
            attempt = self._carrier.start(claim)
            ended = self._carrier.ended_without_call(attempt)
            if ended is None:
                to_send.append(attempt)
            else:
                self._settle(attempt, ended, 0.0)
        batches = list(self._batches(to_send))
        calls = 0 if self._stopping else calls
        for batch in batches[:calls]:
            self._begin(batch, deadline_s)
        for attempt in (attempt for batch in batches[calls:] for attempt in batch):
            self._settle(attempt, attempt.finished(Released(), sent=False, requests=0), 0.0)
        self._unused_requests += max(0, calls - len(batches)) * self._requests_each

    @property
    def _requests_each(self) -> int:
        return self._provider.requests_each if self._provider.bucket else 0

    def _batches(self, attempts: Sequence[Attempt]) -> Iterator[list[Attempt]]:
        """Attempts that go into one call: of one operation, as many as the provider takes."""
        if self._provider.batch == 1:
            yield from ([attempt] for attempt in attempts)
            return
        single = [attempt for attempt in attempts if not isinstance(attempt.step, Send)]
        yield from ([attempt] for attempt in single)
        sends = [(attempt.step.operation, attempt) for attempt in attempts if isinstance(attempt.step, Send)]
        for operation, same in groupby(sorted(sends, key=itemgetter(0)), key=itemgetter(0)):
            group, size = [attempt for _, attempt in same], self._provider.batch_of(operation)
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _begin(self, batch: list[Attempt], deadline_s: float) -> None:
        hanging = any(attempt.claim.lane.hanging for attempt in batch)
        self._hanging += hanging
        call = asyncio.create_task(self._call(batch, deadline_s))
        self._calls.add(call)
        call.add_done_callback(lambda done: self._ended(done, hanging=hanging))

    def _ended(self, call: asyncio.Task[None], *, hanging: bool) -> None:
        self._calls.discard(call)
        self._hanging -= hanging
        if self._busy:
            self.wake()

    async def _call(self, batch: list[Attempt], deadline_s: float) -> None:
        started_s = self._clock.monotonic_s()
        finished = await self._carrier.carry_out(batch, deadline_s)
        duration_ms = (self._clock.monotonic_s() - started_s) * 1000
        requests = sum(one.requests for one in finished)
        self._unused_requests += max(0, self._requests_each - requests)
        for attempt, one in zip(batch, finished, strict=True):
            settled = await self._with_check(one)
            self._settle(attempt, settled, duration_ms)
            await self._notice(settled)

    def _settle(self, attempt: Attempt, finished: Finished, duration_ms: float) -> None:
        record: AttemptRecord = attempt_record(attempt.claim.lane, finished, duration_ms)
        self._settler.add(record)
        if finished.operation is not None:
            log_attempt(record)
            metrics.attempt(record)

    async def _with_check(self, finished: Finished) -> Finished:
        """A refused request is the lane's fault if the credentials work, else the provider is held."""
        match finished.ending:
            case Unauthorized(code, detail):
                health = await self._check()
                if health.verdict is HealthVerdict.PASSES:
                    return replace(finished, ending=Rejected(code, detail))
                return replace(finished, ending=Held(f"{health.verdict}", health.detail))
            case Gone(code, detail):
                return replace(finished, ending=Held(code, detail))
            case _:
                return finished

    async def _check(self) -> Health:
        """The provider's `check()`, one for all who ask at the same time."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check_once())
        return await asyncio.shield(self._checking)

    async def _check_once(self) -> Health:
        deadline_s = self._clock.monotonic_s() + self._provider.check_timeout_s
        http = self._provider.transport.attempt(deadline_s=deadline_s, clock=self._clock)
        try:
            async with asyncio.timeout(self._provider.check_timeout_s):
                return await self._provider.adapter.check(http)
        except (HttpFailure, TimeoutError):
            return Health(HealthVerdict.UNREACHABLE)
        except Exception as error:  # noqa: BLE001 - a plugin's bug must not end the loop
            _log.error("adapter_check_failed", provider=self._provider.name, error=type(error).__name__)
            return Health(HealthVerdict.MISCONFIGURED, "the adapter's check failed")

    async def _notice(self, finished: Finished) -> None:
        """What an ending says of the provider: held, blocked, down, or well again. Most say nothing."""
        ending = finished.ending
        wait_s = _provider_wait_s(ending, stopped=self._stopped_by_us)
        unwell, recovered = self._judge(finished.lane_id, ending)
        if not (isinstance(ending, Held) or wait_s or unwell or recovered):
            return
        name, settings = self._provider.name, self._settings
        try:
            async with self._database.connection() as connection:
                if isinstance(ending, Held):
                    await provider_store.hold(connection, name, ending.reason, probe_s=settings.probe_interval_s)
                    _log.warning("provider_held", provider=name, reason=ending.reason)
                if wait_s:
                    await provider_store.block(connection, name, wait_s=min(wait_s, settings.retry_after_cap_s))
                if unwell and await provider_store.open_breaker(connection, name, probe_s=settings.probe_interval_s):
                    _log.warning("breaker_opened", provider=name)
                if recovered:
                    await self._recovered(connection)
        except DatabaseAway:
            _log.warning("provider_state_not_written", provider=name, ending=type(ending).__name__)

    def _judge(self, lane_id: int, ending: Ending) -> tuple[bool, bool]:
        """Whether the breaker shall open now, and whether a stop of ours has passed."""
        if isinstance(ending, Held):
            self._stopped_by_us = True
        well = answered(ending)
        if well is None:
            return False, False
        unwell = self._breaker.record(lane_id, answered=well, at_s=self._clock.monotonic_s())
        if well:
            return False, self._stopped_by_us
        opens = unwell and not self._stopped_by_us
        self._stopped_by_us = self._stopped_by_us or opens
        return opens, False

    async def _recovered(self, connection: Connection) -> None:
        self._stopped_by_us = False
        self._breaker.reset()
        if not await provider_store.recover(connection, self._provider.name):
            return
        _log.info("provider_recovered", provider=self._provider.name)
        over_s = self._settings.recovery_spread_s
        while await provider_store.spread_waiting(connection, self._provider.name, over_s=over_s):
            continue
        self.wake()


def _provider_wait_s(ending: Ending, *, stopped: bool) -> float:
    """How long a provider's Retry-After binds all its lanes: on 429 always, on 503 once the breaker is open."""
    match ending:
        case RateLimited(retry_after_s):
            return retry_after_s or 0.0
        case Transient(_, _, retry_after_s) if stopped:
            return retry_after_s or 0.0
        case _:
            return 0.0
