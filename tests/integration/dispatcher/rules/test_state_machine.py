"""The same interleavings as `tests/unit/dispatcher/test_state_machine.py`, through the statements of the store."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from itertools import count
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from infra.lanes import Lanes
from infra.postgres import connected
from unit.dispatcher.building import policy
from unit.dispatcher.machine import LaneMachine, Seen

from sendto.sdk import Capabilities
from sendto_dispatcher.domain.endings import Finished
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.plan import Send, plan
from sendto_dispatcher.engine.record import attempt_record
from sendto_dispatcher.store import claims
from sendto_dispatcher.store.replay import replay
from sendto_dispatcher.store.settles import AttemptRecord, Settled, write_settles

T = TypeVar("T")


class PostgresStore:
    """A lane in PostgreSQL; each run has a provider of its own."""

    def __init__(self, lanes: Lanes, loop: asyncio.AbstractEventLoop) -> None:
        self._lanes = lanes
        self._loop = loop
        self._numbers = count(1)

    def use(self, capabilities: Capabilities) -> None:
        """Begin with a new lane of such a provider."""
        self._number = next(self._numbers)
        self._name = f"provider-{self._number}"
        self._policy = policy(capabilities, give_up_after_s=1e9)

    def take(self, version: int, name: str, *, present: bool, routed: bool) -> None:
        """Take newer state of the order."""
        self._lanes.route(*([self._name] if routed else []))
        if present:
            self._wait(self._lanes.put(self._number, version, first_name=name))
        else:
            self._wait(self._lanes.delete(self._number, version))

    def claim(self) -> Claim | None:
        """Claim the lane, if it is due, and keep what its create sends."""

        async def work(connection: Any) -> Claim | None:
            found = await claims.claim(connection, await self._lanes.request(1, provider=self._name))
            for claim in found:
                step = plan(claim, self._policy.capabilities)
                if isinstance(step, Send) and step.keep and step.state and step.generation == claim.lane.generation:
                    await claims.keep_bodies(connection, [(claim.lane.id, step.generation, step.state)])
            return found[0] if found else None

        return self._wait(self._lanes.database.in_transaction(work))

    def settle(self, claim: Claim, finished: Finished) -> None:
        """Settle an attempt."""
        records = [attempt_record(claim.lane, finished, 1.0)]
        while records:
            settled = self._wait(self._lanes.database.in_transaction(partial(self._write, records)))
            records = list(settled.moved)

    async def _write(self, records: list[AttemptRecord], connection: Any) -> Settled:
        return await write_settles(connection, records, lambda _: self._policy, replica="test")

    def expire(self) -> None:
        """Let leases and waits run out."""
        self._wait(
            self._lanes.run(
                "UPDATE lane SET due_at = clock_timestamp(), not_before = NULL"
                " WHERE provider = $1 AND due_at IS NOT NULL",
                self._name,
            )
        )

    def replay(self) -> None:
        """Deliver again."""
        row = self._row()
        if row is not None:
            self._wait(self._lanes.database.in_transaction(lambda connection: replay(connection, [row["id"]])))

    def erase_kept(self) -> None:
        """Erase what is kept of a create."""
        self._wait(self._lanes.run("UPDATE lane SET kept_body = NULL WHERE provider = $1", self._name))

    def seen(self) -> Seen:
        """How the lane stands."""
        row = self._row()
        if row is None:
            return Seen(
                exists=False, generation=0, due=False, leased=False, resting=None, converged=False, unconfirmed=False
            )
        return Seen(
            exists=True,
            generation=row["desired_generation"],
            due=row["due_at"] is not None and row["lease_token"] is None,
            leased=row["lease_token"] is not None,
            resting=row["resting"],
            converged=row["applied_generation"] == row["desired_generation"],
            unconfirmed=row["unconfirmed"],
        )

    def _row(self) -> dict[str, Any] | None:
        rows = self._wait(self._lanes.rows("SELECT * FROM lane WHERE provider = $1", self._name))
        return rows[0] if rows else None

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def test_all_interleavings_through_the_statements(dispatch_url: str) -> None:
    loop = asyncio.new_event_loop()

    async def opened() -> tuple[Any, Lanes]:
        context = connected(dispatch_url)
        return context, Lanes(await context.__aenter__())

    try:
        context, lanes = loop.run_until_complete(opened())
        store = PostgresStore(lanes, loop)

        class StoredLane(LaneMachine):
            def __init__(self) -> None:
                super().__init__()
                self.store = store

        try:
            run_state_machine_as_test(
                StoredLane, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
            )
        finally:
            loop.run_until_complete(context.__aexit__(None, None, None))
    finally:
        loop.close()
