"""Carries out replays of many lanes: a step at a time, and only as fast as the provider takes them.

A provider's lanes are served in the order in which they became due. So a replay makes due no more than are served
within moments: fresh changes hardly wait behind it, and what a cancelled one has not reached stays as it is.
"""

from sendto.runtime.database import Connection
from sendto_dispatcher.ops.stepping import IDLE_S, NEXT_S, Stepping, most_due
from sendto_dispatcher.store import replays as store


class Replayer(Stepping):
    """Takes the unfinished replays on; any number of replicas may."""

    what = "replays"

    async def run_once(self) -> float:
        """Take one step of every unfinished replay; seconds until the next look."""
        async with self._database.connection() as connection:
            runs = await store.unfinished_replays(connection)
        for run in runs:
            if await self._step(run):
                self._notify()
        return NEXT_S if runs else IDLE_S

    async def _step(self, run: store.Unfinished) -> int:
        most = most_due(self._current().rates.get(run.provider))

        async def step(connection: Connection) -> int:
            room = most - await store.due_lanes(connection, run.provider, at_most=most)
            return await store.replay_some(connection, run.id, lanes=room) if room > 0 else 0

        return await self._database.in_transaction(step)
