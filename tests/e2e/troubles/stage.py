"""A whole system with two dispatchers, providers with every kind of trouble, and Prometheus with our rules over it."""

import asyncio
import html
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from e2e.troubles.configuration import SECRETS, configuration
from e2e.troubles.faces import Faces, faces, install_plugins
from infra.command import System
from infra.events import Upstream
from infra.postgres import Databases, connected
from infra.prometheus import Prometheus, prometheus
from infra.proxy import Proxy, proxied
from infra.serving import Caller, Reply
from infra.topics import producing

from sendto.runtime.database import Connection, Database
from sendto_cli.home import Run
from sendto_cli.up.files import read_ports
from sendto_cli.up.plan import dispatcher_names


@dataclass(frozen=True)
class Told:
    """What is told of the system at one moment."""

    troubles: list[dict[str, Any]]
    page: str
    """the console's first page"""
    ready: Mapping[str, str]
    """the checks of /readyz that fail"""
    alerts: list[dict[str, str]]


@dataclass
class Stage:
    """The system, and how a test asks and troubles it."""

    run: Run
    system: System
    config: Path
    folder: Path
    faces: Faces
    upstream: Upstream
    other: Upstream
    stranger: Upstream
    database: Database
    """the dispatchers', past the proxy"""
    proxy: Proxy
    prometheus: Prometheus
    ops: Caller
    api: Caller
    env: Mapping[str, str]
    database_url: str
    """the dispatchers' database, past the proxy"""
    last: str = ""
    """what was told last, for a test that waits in vain"""
    round: int = 0
    """of what goes on while the tests look"""
    verdicts: dict[int, str] = field(default_factory=dict)
    """the sentence that each case was told, for the table"""

    async def told(self) -> Told:
        """What is told now."""
        overview = await self.ops("GET", "/ops/overview")
        page = await self.page()
        ready = await self.ops("GET", "/readyz")
        failing = {name: why for name, why in ready.json["checks"].items() if why != "ok"}
        assert (ready.status == 503) == bool(failing)
        return Told(
            troubles=overview.json["troubles"] if overview.status == 200 else [],
            page=html.unescape(page.content.decode()),
            ready=failing,
            alerts=await self.prometheus.firing(),
        )

    async def page(self) -> Reply:
        """The console's first page, to one who is signed in."""
        return await self.ops.with_token(None)("GET", "/", headers={"cookie": f"sendto_ops={self.run.ops_token}"})

    async def verdict(self, order_id: int) -> str:
        """What is told of an order."""
        return " ".join((await self.ops("GET", f"/ops/orders/{order_id}")).json["verdict"])

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement in the dispatchers' database."""

        async def work(connection: Connection) -> None:
            await connection.execute(statement, *arguments)

        await self.database.in_transaction(work)

    @contextmanager
    def frozen(self, name: str) -> Any:
        """Freeze a process for a block."""
        pid = self.run.pids[name]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def stage(folder: Path, databases: Databases) -> AsyncIterator[Stage]:
    """Bring it all up for a block."""
    async with AsyncExitStack() as stack:
        known = await stack.enter_async_context(faces())
        url = await stack.enter_async_context(databases.migrated("dispatcher"))
        place = urlsplit(url)
        proxy = await stack.enter_async_context(proxied(place.hostname or "", place.port or 0))
        passed = urlunsplit(place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{proxy.port}"))
        install_plugins(folder / "plugins")
        config = folder / "sendto.toml"
        config.write_text(configuration(known), encoding="utf-8")
        env = SECRETS | {"SENDTO_DISPATCHER__DATABASE_URL": passed, "PYTHONPATH": str(folder / "plugins")}
        options = ("--port-base", "0", "--dispatchers", "2", "--config", str(config))
        system = System(folder / "home", *options, env=env)
        running = stack.enter_context(_up(system))
        await asyncio.to_thread(running.start)
        run = running.when_ready()
        ports = read_ports(running.home)
        targets = {
            "sendto-api": [f"127.0.0.1:{ports['api']}"],
            "sendto-relay": [f"127.0.0.1:{ports['relay']}"],
            "sendto-dispatcher": [f"127.0.0.1:{ports[name]}" for name in dispatcher_names(2)],
        }
        watching = await stack.enter_async_context(prometheus(folder / "prometheus", targets))
        producer = await stack.enter_async_context(producing(run.kafka_bootstrap_servers))
        yield Stage(
            run=run,
            system=running,
            config=config,
            folder=folder,
            faces=known,
            upstream=Upstream(producer, "orders.customer"),
            other=Upstream(producer, "orders.customer", "/shop/other"),
            stranger=Upstream(producer, "orders.customer", "/stranger"),
            database=await stack.enter_async_context(connected(url)),
            proxy=proxy,
            prometheus=watching,
            ops=Caller(run.dispatcher_url, run.ops_token),
            api=Caller(run.api_url, run.token),
            env=env,
            database_url=url,
        )


@contextmanager
def _up(system: System) -> Any:
    try:
        yield system
    finally:
        with suppress(AssertionError, ProcessLookupError):
            system.send(signal.SIGINT)
            system.wait()


@asynccontextmanager
async def left_open(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A transaction that somebody left open in a database, without our settings that would end it."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.close()
