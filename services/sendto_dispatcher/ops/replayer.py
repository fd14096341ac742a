"""Carries out replays of many lanes: a step at a time, and only as fast as the provider takes them.

A provider's lanes are served in the order in which they became due. So a replay makes due no more than are served
within moments: fresh changes hardly wait behind it, and what a cancelled one has not reached stays as it is.
"""

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.listen import Wake
from sendto.runtime.logs import logger
from sendto.runtime.notify import Notifier
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.store import replays as store

_log = logger(__name__)

_MOST_DUE = 500
_AHEAD_S = 2.0
"""of a provider with a rate limit, so many seconds' worth of lanes are made due"""
_IDLE_S = 2.0
_FULL_S = 0.05


class Replayer:
    """Takes the unfinished replays on; any number of replicas may."""

    def __init__(self, database: Database, current: Current, notify: Notifier) -> None:
        self._database = database
        self._current = current
        self._notify = notify
        self.wake = Wake()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                waits_s = await self.run_once()
            except DatabaseAway:
                _log.warning("replays_wait", reason="database_away")
                waits_s = _IDLE_S
            await self.wake.wait(waits_s)

    async def run_once(self) -> float:
        """Take one step of every unfinished replay; seconds until the next look."""
        async with self._database.connection() as connection:
            runs = await store.unfinished_replays(connection)
        for run in runs:
            if await self._step(run):
                self._notify()
        return _FULL_S if runs else _IDLE_S

    async def _step(self, run: store.Unfinished) -> int:
        most = self._most_due(run.provider)

        async def step(connection: Connection) -> int:
            room = most - await store.due_lanes(connection, run.provider, at_most=most)
            return await store.replay_some(connection, run.id, lanes=room) if room > 0 else 0

        return await self._database.in_transaction(step)

    def _most_due(self, provider: str) -> int:
        rate = self._current().rates.get(provider)
        return _MOST_DUE if rate is None else max(1, min(_MOST_DUE, round(rate * _AHEAD_S)))
