"""The engine: one runner for each provider, one settler for all, woken by NOTIFY and by the intake."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.listen import listen
from sendto.runtime.supervisor import Supervisor
from sendto.runtime.tracing import Tracer
from sendto_dispatcher.domain.settle import Policy
from sendto_dispatcher.engine.attempt import Carrier
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.engine.runner import Runner
from sendto_dispatcher.engine.settler import Settler
from sendto_dispatcher.settings import EngineSettings
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.claims import CHANNEL
from sendto_dispatcher.store.settles import AttemptRecord, Settled


class Engine:
    """Makes every provider hold what it should, until it is stopped."""

    def __init__(
        self,
        providers: Sequence[Provider],
        settings: EngineSettings,
        database: Database,
        supervisor: Supervisor,
        clock: Clock,
        *,
        digest_key: bytes,
        replica: str,
        cleared: Callable[[], str | None],
        catching_up: Callable[[], bool] = lambda: False,
        tell: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self._catching_up = catching_up
        self._tracer = tracer
        self._cleared = cleared
        self._settings = settings
        self._database = database
        self._supervisor = supervisor
        self._clock = clock
        self._digest_key = digest_key
        self._replica = replica
        self._policies: dict[str, Policy] = {provider.name: provider.policy for provider in providers}
        self._leaving: dict[asyncio.Task[None], Runner] = {}
        self._settler = Settler(
            database,
            self._policies.__getitem__,
            self._on_settled,
            replica=replica,
            batch_lanes=settings.settle_lanes,
            linger_s=settings.settle_linger_s,
            tell=tell,
        )
        self._runners = {provider.name: self._runner(provider) for provider in providers}

    async def start(self) -> None:
        """Start the loops; they wait by themselves for a database that is away."""
        self._supervisor.start("engine.settler", self._settler.run)
        self._supervisor.start("engine.listen", lambda: listen(self._database, CHANNEL, self.wake))
        for name, runner in self._runners.items():
            self._supervisor.start(f"engine.{name}", runner.run)

    async def use(self, providers: Sequence[Provider]) -> None:
        """Serve these from now on. Calls under way at one that is gone or changed finish as they began."""
        self._policies |= {provider.name: provider.policy for provider in providers}
        wanted = {provider.name: provider for provider in providers}
        for name, runner in list(self._runners.items()):
            if wanted.get(name) is not runner.provider:
                await self._supervisor.stop(f"engine.{name}")
                del self._runners[name]
                leaving = asyncio.create_task(runner.drain(runner.provider.lease_s))
                self._leaving[leaving] = runner
                leaving.add_done_callback(self._leaving.pop)
        for name, provider in wanted.items():
            if name not in self._runners:
                self._runners[name] = self._runner(provider)
                self._supervisor.start(f"engine.{name}", self._runners[name].run)

    async def stop(self) -> None:
        """Claim nothing more, finish what is under way within the drain time, settle it all."""
        await self._supervisor.stop("engine.listen", *(f"engine.{name}" for name in self._runners))
        drain_s = self._settings.drain_s
        runners = [*self._runners.values(), *self._leaving.values()]
        await asyncio.gather(*(runner.drain(drain_s) for runner in runners), *self._leaving)
        try:
            async with asyncio.timeout(drain_s / 2):
                await self._settler.flush()
        except TimeoutError:
            pass  # the leases run out, and whoever takes over finds the lanes in doubt
        await self._supervisor.stop("engine.settler")

    def wake(self) -> None:
        """Look for due lanes now."""
        for runner in self._runners.values():
            runner.wake()

    @property
    def in_flight(self) -> dict[str, int]:
        """Calls under way, by provider."""
        return {name: runner.in_flight for name, runner in self._runners.items()}

    def _on_settled(self, records: list[AttemptRecord], settled: Settled) -> None:
        for provider in {record.provider for record in records} & self._runners.keys():
            self._runners[provider].settled(records)
        for record in records:
            lane = settled.lanes.get(record.finished.lane_id)
            runner = self._runners.get(record.provider)
            if runner is not None and (lane is None or lane.due_at is not None):
                runner.wake()

    def _runner(self, provider: Provider) -> Runner:
        return Runner(
            provider,
            self._settings,
            self._database,
            self._settler,
            Carrier(provider, self._digest_key, self._clock),
            self._clock,
            replica=self._replica,
            cleared=self._cleared,
            catching_up=self._catching_up,
            tracer=self._tracer,
        )


async def know_providers(database: Database, providers: Collection[str]) -> None:
    """Make sure that every provider has its row before the first claim."""
    try:
        async with database.connection() as connection:
            await provider_store.know(connection, sorted(providers))
    except DatabaseAway:
        return  # a runner makes its own row when it finds none
