"""The configuration in force: built from the settings, and built anew while the process runs.

Providers, routes and sources are replaced for new batches and claims; what else the file holds needs a restart, and
that is said. A configuration that cannot be used is refused as a whole, and the one in force stays.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Info

from sendto.runtime import logs
from sendto.runtime.secrets import SecretMissing, resolved
from sendto.runtime.settings import SettingsInvalid, load
from sendto_dispatcher.domain.routing import Routing, Rule
from sendto_dispatcher.engine.provider import (
    Provider,
    ProviderBroken,
    ProviderUnusable,
    build_provider,
    config_digest,
)
from sendto_dispatcher.settings import DispatcherSettings, ProviderSettings
from sendto_dispatcher.store.taking import IntakeRules

_log = logs.logger(__name__)

_FIXED = ("log", "telemetry", "kafka", "topics", "dispatcher")
"""sections that are read at the start only"""
_RELOADS = Counter("sendto_configuration_reloads_total", "Configurations that were read while running.", ["result"])
_IN_FORCE = Info("sendto_configuration", "The configuration in force.")


def build_routing(settings: DispatcherSettings) -> Routing:
    """The routes of the configuration."""
    rules = [
        Rule(
            to=tuple(route.to),
            **{name: frozenset(values) for name, values in route.when.model_dump(exclude_none=True).items()},
        )
        for route in settings.routes
    ]
    return Routing(rules, tuple(settings.routing.default))


def build_providers(settings: DispatcherSettings, base: Path) -> list[Provider]:
    """The enabled providers; secrets in files are found relative to `base`.

    Raises:
        ProviderUnusable: one of them cannot be served.
    """
    return [
        build_provider(name, provider, settings.dispatcher.engine, base)
        for name, provider in settings.providers.items()
        if provider.enabled
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A configuration in force. `settings` may hold secrets: mask them before they are shown."""

    settings: DispatcherSettings
    providers: Mapping[str, Provider]
    routing: Routing
    broken: Mapping[str, str]
    """enabled providers that cannot be served because their plugin is broken or missing, and how"""
    digest: str
    """the same on every replica that has the same providers, routes and sources"""
    loaded_at: datetime

    @property
    def intake_rules(self) -> IntakeRules:
        """What the intake must know of it."""
        return IntakeRules(
            routing=self.routing,
            prefixes=self.settings.sources.prefixes,
            carrying=frozenset(name for name, one in self.providers.items() if one.capabilities.carries_source),
            tell=self.settings.dispatcher.delivery_events,
        )


class Configuration:
    """Keeps the configuration in force, and looks for a new one until it is stopped.

    Args:
        settings: as they were read at the start.
        base: the folder that secrets in files are relative to.
        file: the file that they were read from; None: the environment alone.
    """

    def __init__(self, settings: DispatcherSettings, base: Path, file: Path | None = None) -> None:
        self._base = base
        self._file = file
        self._given = settings
        self._fixed = {name: getattr(settings, name) for name in _FIXED}
        self._made: dict[str, tuple[object, Provider]] = {}
        self._broken: dict[str, str] | None = None
        """None until the first configuration is built"""
        self._asked = asyncio.Event()
        self._uses: list[Callable[[Running], Awaitable[None]]] = []
        self.refused: str | None = None
        """why the newest configuration is not in force; None if it is"""
        self.current = self._build(settings)
        self._seen = self._signature(settings)
        _tell(self.current)

    def on_change(self, use: Callable[[Running], Awaitable[None]]) -> None:
        """Have every new configuration told, after those who asked before."""
        self._uses.append(use)

    async def readiness(self) -> str | None:
        """None while every enabled provider can be served, else which cannot; why is in the log and for ops."""
        return f"broken or missing adapter of {names}" if (names := ", ".join(sorted(self.current.broken))) else None

    def ask(self) -> None:
        """Read the configuration anew, as after SIGHUP."""
        self._asked.set()

    async def run(self) -> None:
        """Read the configuration anew when asked, and when one of its files has changed; until cancelled.

        A file counts as changed once it looks the same twice: until then someone may still be writing it.
        """
        looked = self._seen
        while True:
            asked = await self._wait()
            before, looked = looked, self._signature(self._given)
            if asked or (looked == before and looked != self._seen):
                self._seen = looked
                await self.reload()

    async def reload(self) -> bool:
        """Read the configuration; whether it is in force now."""
        try:
            settings = load(DispatcherSettings, self._file)
            running = self._build(settings)
        except (SettingsInvalid, ProviderUnusable) as error:
            self._refuse("; ".join(str(error).splitlines()))
            return False
        except Exception as error:  # noqa: BLE001 - a plugin's constructor can raise anything
            self._refuse(f"an adapter failed: {type(error).__name__}")
            return False
        self._given, self.refused = settings, None
        self._seen = self._signature(settings)  # it may name other files with secrets
        await self._put_in_force(running)
        return True

    async def _put_in_force(self, running: Running) -> None:
        before, self.current = self.current, running
        waiting = [name for name, value in self._fixed.items() if getattr(self._given, name) != value]
        if waiting:
            _log.warning("configuration_needs_restart", sections=waiting)
        if running.digest == before.digest and running.providers == before.providers:
            _log.info("configuration_unchanged", digest=running.digest)
            return
        for use in self._uses:
            await use(running)
        _tell(running)
        _RELOADS.labels("used").inc()
        _log.info(
            "configuration_in_force",
            digest=running.digest,
            providers=sorted(running.providers),
            changed=sorted(name for name, one in running.providers.items() if before.providers.get(name) is not one),
            gone=sorted(before.providers.keys() - running.providers.keys()),
            routes=len(running.routing.rules),
        )

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        _RELOADS.labels("refused").inc()
        _log.error("configuration_refused", reason=reason, in_force=self.current.digest)

    def _build(self, given: DispatcherSettings) -> Running:
        """The whole of a configuration, or none of it; a provider that is the same stays the same object.

        At the start a broken or missing plugin costs its own providers only. Later a provider that was served is not
        given up, and one that is new must be served at once.
        """
        settings = given.model_copy(update=self._fixed)
        made: dict[str, tuple[object, Provider]] = {}
        broken: dict[str, str] = {}
        for name, provider in settings.providers.items():
            if not provider.enabled:
                continue
            try:
                made[name] = self._make(name, provider, settings)
            except ProviderBroken as problem:
                if self._broken is not None and name not in self._broken:
                    raise
                broken[name] = str(problem)
                _log.error("provider_broken", provider=name, problem=str(problem))
        self._made, self._broken = made, broken
        return Running(
            settings=settings,
            providers={name: provider for name, (_, provider) in made.items()},
            routing=build_routing(settings),
            broken=broken,
            digest=config_digest(settings.model_dump_json(include={"providers", "routes", "routing", "sources"})),
            loaded_at=datetime.now(UTC),
        )

    def _make(self, name: str, provider: ProviderSettings, settings: DispatcherSettings) -> tuple[object, Provider]:
        try:
            recipe = (provider, resolved(provider.config, self._base))
        except SecretMissing as missing:
            raise ProviderUnusable(f"[providers.{name}.config] {missing}") from None
        known = self._made.get(name)
        if known is not None and known[0] == recipe:
            return known
        return recipe, build_provider(name, provider, settings.dispatcher.engine, self._base)

    async def _wait(self) -> bool:
        """Wait for the next look at the files; whether someone asked for it."""
        try:
            async with asyncio.timeout(self.current.settings.dispatcher.config_poll_s):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    def _signature(self, settings: DispatcherSettings) -> Sequence[object]:
        """Differs once a file was changed or replaced: the configuration's own, or one that holds a secret."""
        files = [self._file] if self._file else []
        secrets = (provider.config for provider in settings.providers.values() if provider.enabled)
        return [
            _stamp(path) for path in (*files, *(self._base / name for config in secrets for name in _files(config)))
        ]


def _files(value: Any) -> Iterator[str]:  # noqa: ANN401 - a configuration tree
    match value:
        case Mapping():
            for inner in value.values():
                yield from _files(inner)
        case list():
            for inner in value:
                yield from _files(inner)
        case str() if value.startswith("file:"):
            yield value.removeprefix("file:")
        case _:
            return


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - follows the links that Kubernetes exchanges
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _tell(running: Running) -> None:
    _IN_FORCE.info({"digest": running.digest, "loaded_at": running.loaded_at.isoformat()})
