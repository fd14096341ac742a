"""How a provider stands with us: whether its lanes may be claimed, and what each ending says of it.

Rules 21 and 23 to 25 of the dispatcher's rules. What it finds is the fleet's, in PostgreSQL; only the last attempts,
from which the breaker concludes, are this process's own.
"""

import asyncio
from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.logs import bug, logger
from sendto.sdk import Gone, Health, HealthVerdict, HttpFailure, RateLimited, Rejected, Transient, Unauthorized
from sendto_dispatcher.domain.breaker import Breaker, answered
from sendto_dispatcher.domain.endings import Ending, Finished, Held
from sendto_dispatcher.domain.gate import Gate, Open, Probe, Shut, gate
from sendto_dispatcher.domain.settle import RATE_LIMITED_WAIT_S
from sendto_dispatcher.domain.words import keepable
from sendto_dispatcher.engine.pace import Pace
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.settings import EngineSettings
from sendto_dispatcher.store import providers as provider_store

_log = logger(__name__)


class Standing:
    """Keeps one provider's gate; `recovered` is called when it goes on after a stop of ours."""

    def __init__(
        self,
        provider: Provider,
        settings: EngineSettings,
        database: Database,
        pace: Pace,
        clock: Clock,
        recovered: Callable[[], None],
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._database = database
        self._pace = pace
        self._clock = clock
        self._recovered = recovered
        self._breaker = Breaker(
            window=settings.breaker_window, window_s=settings.breaker_window_s, lanes=settings.breaker_lanes
        )
        self._held = False
        self._open = False
        self._checking: asyncio.Task[Health] | None = None

    async def gate(self) -> Gate:
        """Whether lanes may be claimed now; a probe is for one process, which gets it here."""
        name, interval_s = self._provider.name, self._settings.probe_interval_s
        async with self._database.connection() as connection:
            state = await provider_store.state(connection, name)
            self._remember(held=state.held_at is not None, opened=state.opened_at is not None)
            now = gate(state)
            match now:
                case Probe():
                    probed = await provider_store.win_probe(connection, name, interval_s=interval_s)
                    return Shut(interval_s) if probed is None else Probe(besides=tuple(probed))
                case Open() | Shut():
                    return now
                case _:
                    assert_never(now)

    async def judge(self, finished: Finished) -> Finished:
        """A refused request is the lane's fault if the credentials work, else the provider is held."""
        match finished.ending:
            case Unauthorized(code, detail):
                health = await self._check()
                if health.verdict is HealthVerdict.PASSES:
                    return replace(finished, ending=Rejected(code, detail))
                return replace(finished, ending=keepable(Held(str(health.verdict), health.detail)))
            case Gone(code, detail):
                return replace(finished, ending=Held(code, detail))
            case _:
                return finished

    async def notice(self, finished: Finished) -> bool:
        """Take from an ending what it says of the provider: held, blocked, down, or well again. Most say nothing.

        Returns:
            Whether it answered, and asks for nothing.
        """
        ending = finished.ending
        unwell, recovered = self._conclude(finished.lane_id, ending)
        wait_s = provider_wait_s(ending, opened=self._open)
        if not (isinstance(ending, Held) or wait_s or unwell or recovered):
            return answered(ending) is True
        try:
            async with self._database.connection() as connection:
                await self._write(connection, ending, wait_s=wait_s, unwell=unwell, recovered=recovered)
        except DatabaseAway:
            _log.warning("provider_state_not_written", provider=self._provider.name, ending=type(ending).__name__)
        return False

    async def _write(
        self, connection: Connection, ending: Ending, *, wait_s: float, unwell: bool, recovered: bool
    ) -> None:
        name, settings = self._provider.name, self._settings
        if isinstance(ending, Held):
            await provider_store.hold(connection, name, ending.reason, probe_s=settings.probe_interval_s)
            _log.warning("provider_held", provider=name, reason=ending.reason)
        if wait_s:
            await provider_store.block(connection, name, wait_s=min(wait_s, settings.retry_after_cap_s))
        if unwell and await provider_store.open_breaker(connection, name, probe_s=settings.probe_interval_s):
            _log.warning("breaker_opened", provider=name)
        if recovered:
            await self._go_on(connection)

    def _remember(self, *, held: bool, opened: bool) -> None:
        """What the fleet knows. Old failures do not count against a provider that another process found well again."""
        if (self._held or self._open) and not (held or opened):
            self._breaker.reset()
        self._held, self._open = held, opened

    def _conclude(self, lane_id: int, ending: Ending) -> tuple[bool, bool]:
        """Whether the breaker shall open now, and whether a stop of ours has passed."""
        if isinstance(ending, Held):
            self._held = True
        well = answered(ending)
        if well is None:
            return False, False
        unwell = self._breaker.record(lane_id, answered=well, at_s=self._clock.monotonic_s())
        if well:
            return False, self._held or self._open
        opens = unwell and not self._open
        self._open = self._open or opens
        return opens, False

    async def _go_on(self, connection: Connection) -> None:
        name = self._provider.name
        self._held = self._open = False
        self._breaker.reset()
        if not await provider_store.recover(connection, name):
            return
        _log.info("provider_recovered", provider=name)
        self._recovered()
        while await provider_store.spread_waiting(connection, name, over_s=self._settings.recovery_spread_s):
            continue
        self._recovered()

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
                health = await self._provider.adapter.check(http)
            return Health(HealthVerdict(health.verdict), str(health.detail))
        except (HttpFailure, TimeoutError):
            return Health(HealthVerdict.UNREACHABLE)
        except Exception as error:  # noqa: BLE001 - a plugin's bug must not end the loop
            _log.error("adapter_check_failed", provider=self._provider.name, **bug(error))
            return Health(HealthVerdict.MISCONFIGURED, "the adapter's check failed")
        finally:
            self._pace.differ(taken=0, made=http.requests)


def provider_wait_s(ending: Ending, *, opened: bool) -> float:
    """How long an ending stops all lanes of the provider: on 429 always, on 503 once the breaker is open."""
    match ending:
        case RateLimited(retry_after_s):
            return RATE_LIMITED_WAIT_S if retry_after_s is None else retry_after_s
        case Transient(_, _, retry_after_s, nothing_done=True) if opened:
            return retry_after_s or 0.0
        case _:
            return 0.0
