"""Carries out applications of the routes to all known orders: in small steps, as fast as the providers take them.

Orders move no faster than the providers that they leave and reach are served, so that fresh changes hardly wait behind
them. A provider that is stopped holds nothing up: moving away from one that is down is what routes are applied for.
"""

from sendto.runtime.database import Connection
from sendto.runtime.logs import logger
from sendto_dispatcher.ops.configured import Configured
from sendto_dispatcher.ops.stepping import IDLE_S, NEXT_S, Stepping, most_due
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store import reroutes as store
from sendto_dispatcher.store.replays import due_lanes
from sendto_dispatcher.store.reroute import ConfigurationsDiffer, live_digests

_log = logger(__name__)
_ORDERS = 500
_FULL_S = 0.5
"""the pause while a provider has no room"""


class Rerouter(Stepping):
    """Takes an unfinished application on; any number of replicas may."""

    what = "routes"

    async def run_once(self) -> float:
        """Take one step of what is unfinished; seconds until the next look."""
        async with self._database.connection() as connection:
            run = await store.unfinished_reroute(connection)
        if run is None:
            return IDLE_S
        if not await self._meant(run):
            return IDLE_S
        looked_at = await self._step(run)
        if looked_at:
            self._notify()
        return NEXT_S if looked_at else _FULL_S

    async def _meant(self, run: store.UnfinishedReroute) -> bool:
        """Whether every live process has the routes that are applied; ends what is overtaken by another one's."""
        async with self._database.connection() as connection:
            others = await live_digests(connection) - {run.digest}
            if others:
                words = f"live processes have other configurations: {', '.join(sorted(others))}"
                if await store.end_reroute(connection, run.id, stopped=words):
                    _log.warning("routes_apply_stopped", run=run.id, reason=words)
        return not others and self._current().digest == run.digest

    async def _step(self, run: store.UnfinishedReroute) -> int:
        current = self._current()

        async def step(connection: Connection) -> int:
            room = await self._room(connection, current)
            return await store.step(connection, run.id, current.rules, orders=_ORDERS, room=room) or 0

        try:
            return await self._database.in_transaction(step)
        except ConfigurationsDiffer:
            return 0  # looked at again before the next step

    @staticmethod
    async def _room(connection: Connection, current: Configured) -> dict[str, int]:
        """How many lanes of each provider may become due; none of those that are stopped, which have room enough."""
        room: dict[str, int] = {}
        for provider, rate_per_s in current.rates.items():
            state = await provider_store.state(connection, provider)
            if state.paused_at or state.held_at or state.opened_at:
                continue
            most = most_due(rate_per_s)
            room[provider] = most - await due_lanes(connection, provider, at_most=most)
        return room
