"""The real engine over lanes without Kafka, against providers on a socket: runner, carrier, settler, transport."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from infra.eventually import eventually
from infra.lanes import NAME, Lanes
from sendto.kernel.clock import Clock, SystemClock
from sendto.runtime.supervisor import Supervisor
from sendto.sdk import Adapter
from sendto_dispatcher.adapters.sandbox import SandboxAdapter, SandboxConfig
from sendto_dispatcher.engine.engine import Engine, know_providers
from sendto_dispatcher.engine.provider import Provider, build_provider
from sendto_dispatcher.settings import EngineSettings, ProviderSettings
from sendto_dispatcher.store.identity import identity

SETTINGS: dict[str, Any] = {"poll_interval_s": 0.2, "probe_interval_s": 0.2, "recovery_spread_s": 0.2, "drain_s": 5}
RETRY = {"base_s": 0.05, "cap_s": 0.2}


def engine_settings(**changes: Any) -> EngineSettings:
    """Settings of an engine that waits for nothing long."""
    return EngineSettings.model_validate(SETTINGS | changes)


def provider(
    url: str,
    *,
    name: str = NAME,
    adapter: Adapter | None = None,
    limits: dict[str, Any] | None = None,
    retry: dict[str, Any] | None = None,
    mode: str = "upsert",
    settings: EngineSettings | None = None,
) -> Provider:
    """A sandbox as a configured provider; another adapter may stand before it."""
    section = ProviderSettings.model_validate(
        {
            "adapter": "sandbox",
            "config": {"url": url, "mode": mode},
            "limits": limits or {},
            "retry": RETRY | (retry or {}),
        }
    )
    built = build_provider(name, section, settings or engine_settings(), Path())
    if adapter is None:
        return built
    return replace(built, adapter=adapter, policy=structs.replace(built.policy, capabilities=adapter.capabilities))


class Running:
    """An engine that runs; `stop` may be called before its block ends."""

    def __init__(self, engine: Engine, supervisor: Supervisor) -> None:
        self.engine = engine
        self.supervisor = supervisor
        self._stopped = False

    async def stop(self) -> None:
        """Stop in good order."""
        if not self._stopped:
            self._stopped = True
            await self.engine.stop()


@asynccontextmanager
async def running(
    lanes: Lanes,
    providers: Sequence[Provider],
    *,
    settings: EngineSettings | None = None,
    replica: str = "one",
    crashes: str | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Running]:
    """Run an engine over the lanes until the block ends; no loop crashes but the one that is named."""
    supervisor = Supervisor()
    async with lanes.database.connection() as connection:
        database = await identity(connection)
    engine = Engine(
        providers,
        settings or engine_settings(),
        lanes.database,
        supervisor,
        clock or SystemClock(),
        digest_key=b"key",
        replica=replica,
        cleared=lambda: database,
    )
    await know_providers(lanes.database, [one.name for one in providers])
    await engine.start()
    run = Running(engine, supervisor)
    try:
        yield run
        assert await supervisor.readiness() == (crashes and f"{crashes} crashed")
    finally:
        await run.stop()


async def until(lanes: Lanes, condition: str, count: int = 1) -> None:
    """Wait until so many lanes are like this."""

    async def there() -> bool:
        return len(await lanes.rows(f"SELECT 1 FROM lane WHERE {condition}")) >= count

    await eventually(there)


class Scripted(SandboxAdapter):
    """The sandbox's adapter, with words of its own."""

    def __init__(self, url: str, mode: str = "upsert") -> None:
        super().__init__(SandboxConfig.model_validate({"url": url, "mode": mode}))
