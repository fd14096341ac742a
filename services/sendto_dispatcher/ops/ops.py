"""All parts of ops in one process: routes, console, background work, gauges."""

import asyncio

from fastapi import APIRouter

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database
from sendto.runtime.notify import Notifier
from sendto.runtime.supervisor import Supervisor
from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.api import ops_routes
from sendto_dispatcher.ops.census import LaneCensus
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.console.console import console_routes
from sendto_dispatcher.ops.gauges import Gauges
from sendto_dispatcher.ops.lately import Lately
from sendto_dispatcher.ops.overview import Glance, Watched


class Ops:
    """What ops see and steer, for the whole fleet, in this process.

    Args:
        database: of those who look.
        steps: the same, of what is done for them in steps.
    """

    def __init__(
        self,
        database: Database,
        steps: Database,
        current: Current,
        notify: Notifier,
        clock: Clock,
        watched: Watched,
    ) -> None:
        self._database = database
        self._current = current
        self._acting = Acting(database, steps, current, notify)
        self._census = LaneCensus(steps, clock)
        self._lately = Lately(steps, clock)
        self._gauges = Gauges(database, current, self._census)
        self._glance = Glance(database, current, self._census, self._lately, watched)
        self._stopping = asyncio.Event()

    def api(self) -> APIRouter:
        """The ops API."""
        return ops_routes(self._database, self._current, self._glance, self._acting)

    def console(self) -> APIRouter:
        """The pages, from `/` on."""
        return console_routes(self._database, self._current, self._glance, self._acting, self._stopping)

    def stop(self) -> None:
        """The process stops: pages that update themselves end, so that nobody waits for them."""
        self._stopping.set()

    def start(self, supervisor: Supervisor) -> None:
        """Start the loops."""
        self._acting.start(supervisor)
        supervisor.start("ops.census", self._census.run)
        supervisor.start("ops.lately", self._lately.run)

    async def before_metrics(self) -> None:
        """Bring the gauges up to date."""
        await self._gauges.refresh()
