"""Deterministic interleavings, each made so that one bug would show: the same steps are right without it.

A scene gets a system with empty databases and what was written; it writes, stops, thaws and waits. Whether all is
right in the end is for the checker to say.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from faults.planted.claims import READ_EARLY
from faults.process import Act, Armed
from faults.rig.api_writer import ApiWriter
from faults.rig.book import Book
from faults.rig.collecting import attempts_of, connections_called, leased, unsettled
from faults.rig.configuration import PREFIX, ProviderShape, Shape
from faults.rig.system import System
from faults.rig.upstream_writer import UpstreamWriter
from infra.eventually import eventually
from infra.serving import Caller

from sendto.runtime.failpoints import Point


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a scene acts with."""

    system: System
    book: Book
    upstream: UpstreamWriter
    api: ApiWriter

    @property
    def sandbox(self) -> Caller:
        """The only provider."""
        [caller] = self.system.sandboxes.values()
        return caller

    async def put(self, version: int, order_id: int = 1) -> None:
        """Publish a state."""
        await self.upstream.publish((order_id, version, self.book.person()))

    async def delete(self, version: int, order_id: int = 1) -> None:
        """Publish a deletion."""
        await self.upstream.publish((order_id, version, None))

    async def behave(self, **behaviour: Any) -> None:
        """Let the provider behave like this."""
        behaviour.setdefault("accept_duplicates", self.system.shape.providers[0].mode == "lookup")
        reply = await self.sandbox("PUT", "/v1/behaviour", behaviour)
        assert reply.status == 200, reply.content

    async def log(self, reference: str = f"{PREFIX}1") -> list[dict[str, Any]]:
        """The requests for an order."""
        entries = (await self.sandbox("GET", "/v1/log?limit=1000")).json["data"]
        return [entry for entry in entries if entry["reference"] == reference]

    async def logged(self, number: int, reference: str = f"{PREFIX}1") -> None:
        """Wait until so many requests for an order have come to an end."""

        async def enough() -> bool:
            return len(await self.log(reference)) >= number

        await eventually(enough)

    async def held(self, version: int | None, order_id: int = 1) -> None:
        """Wait until the provider holds a version, or nothing."""

        async def as_wanted() -> bool:
            reply = await self.sandbox("GET", f"/v1/recipients/{PREFIX}{order_id}")
            return (reply.json["version"] if reply.status == 200 else None) == version

        await eventually(as_wanted)

    async def claimed(self) -> None:
        """Wait until somebody holds a lane."""

        async def held() -> bool:
            return await leased(self.system.dispatch_url) > 0

        await eventually(held)

    async def attempted(self, operation: str, number: int) -> None:
        """Wait until the history knows of so many attempts."""

        async def enough() -> bool:
            return await attempts_of(self.system.dispatch_url, operation) >= number

        await eventually(enough)

    async def acted(self, name: str) -> None:
        """Wait until an armed process has come to its place."""

        async def done() -> bool:
            return not self.system.is_armed(name)

        await eventually(done)

    def arm(self, name: str, point: Point, act: Act, **more: Any) -> None:
        """Let a process act at a place."""
        self.system.arm(name, Armed(point=point, act=act, **more))


Play = Callable[[Stage], Awaitable[None]]
UPSERT = ProviderShape(name="upsert")
LOOKUP = ProviderShape(name="lookup", mode="lookup")
PATIENT = ProviderShape(name="upsert", timeout_s=6)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An interleaving, the system that it needs, and whose bug would show."""

    play: Play
    shape: Shape = field(default_factory=lambda: Shape(dispatchers=1, apis=0, relays=0, providers=(UPSERT,)))
    service: str = "dispatcher"
    """whose processes carry the bug"""
    waits: tuple[str, ...] = ()
    """processes that the scene starts itself"""


def _small(provider: ProviderShape, dispatchers: int = 1, **more: Any) -> Shape:
    return Shape(dispatchers=dispatchers, apis=0, relays=0, providers=(provider,), **more)


async def _dies_before_the_batch_is_stored(stage: Stage) -> None:
    await stage.put(1)
    await stage.held(1)
    stage.arm("dispatcher-1", Point.INTAKE_WRITTEN, Act.KILL)
    await stage.put(2)
    await stage.acted("dispatcher-1")


async def _frozen_while_a_deletion_waits_to_be_settled(stage: Stage) -> None:
    first, second = "dispatcher-1", "dispatcher-2"
    await stage.put(1)
    await stage.held(1)
    stage.arm(first, Point.ENGINE_SETTLE, Act.FREEZE)
    await stage.delete(2)
    await stage.acted(first)
    await stage.system.start(second)
    await stage.logged(3)
    await stage.put(3)
    await stage.held(3)
    await _settled(stage)
    stage.system.send(first, signal.SIGCONT)
    await stage.attempted("delete", 2)


async def _an_older_event_comes_last(stage: Stage) -> None:
    newer = (1, 5, stage.book.person())
    await stage.upstream.publish(newer)
    await stage.held(5)
    await stage.put(4)
    await stage.put(1, order_id=2)
    await stage.held(1, order_id=2)


async def _newer_state_comes_during_the_call(stage: Stage) -> None:
    await stage.behave(latency_s=3)
    await stage.put(1)
    await stage.claimed()
    await stage.put(2)
    await stage.logged(1)
    await stage.behave()


async def _dies_after_the_create_was_applied(stage: Stage) -> None:
    await stage.behave()
    stage.arm("dispatcher-1", Point.ENGINE_CALLED, Act.KILL)
    await stage.put(1)
    await stage.acted("dispatcher-1")
    await stage.held(1)


async def _an_attempt_takes_its_time(stage: Stage) -> None:
    await stage.behave(latency_s=1.5)
    await stage.put(1)
    await stage.logged(1)
    await stage.behave()


async def _the_deletion_of_the_unknown_comes_first(stage: Stage) -> None:
    await stage.delete(2)
    await stage.put(1, order_id=2)
    await stage.held(1, order_id=2)
    await stage.put(1)
    await stage.put(2, order_id=2)
    await stage.held(2, order_id=2)


async def _newer_state_comes_between_tries(stage: Stage) -> None:
    await stage.behave(errors={"500": 1.0})
    await stage.put(1)
    await stage.logged(1)
    await stage.put(2)
    await stage.logged(3)
    await stage.behave()


async def _the_order_changes_while_it_is_claimed(stage: Stage) -> None:
    await stage.put(1)

    async def read_or_held() -> bool:
        return await connections_called(stage.system.dispatch_url, READ_EARLY) > 0 or len(await stage.log()) > 0

    await eventually(read_or_held)
    await stage.put(2)


async def _two_look_at_the_same_moment(stage: Stage) -> None:
    await stage.behave(latency_s=1)
    for order_id in range(1, 6):
        await stage.put(1, order_id=order_id)
    await asyncio.sleep(2)
    await stage.behave()


async def _an_earlier_row_is_committed_later(stage: Stage) -> None:
    await stage.api.make(2)
    slow, other = stage.api.orders
    stage.arm("api-1", Point.API_WRITTEN, Act.DELAY, delay_s=1.2)
    first = asyncio.create_task(stage.api.put(slow, through=0))
    await stage.acted("api-1")
    await stage.api.put(other, through=1)
    await first


async def _a_late_rejection(stage: Stage) -> None:
    await stage.behave(latency_s=3, errors={"422": 1.0})
    await stage.put(1)
    await stage.claimed()
    await asyncio.sleep(0.5)  # the call has begun, by the behaviour that was set
    await stage.put(2)
    await stage.behave()
    await stage.logged(1)


async def _the_relay_dies_while_it_publishes(stage: Stage) -> None:
    await stage.api.make(1)
    await stage.logged(1, str(stage.api.orders[0]))
    stage.arm("relay-1", Point.RELAY_MARKED, Act.KILL)
    await stage.api.put(stage.api.orders[0], through=0)
    await stage.acted("relay-1")


async def _settled(stage: Stage) -> None:
    async def none() -> bool:
        return not await unsettled(stage.system.dispatch_url)

    await eventually(none)


_PUBLISHING = Shape(dispatchers=1, apis=2, relays=1, providers=(UPSERT,))

SCENES: dict[str, Scene] = {
    "position_before_its_batch": Scene(play=_dies_before_the_batch_is_stored),
    "settle_unfenced": Scene(
        play=_frozen_while_a_deletion_waits_to_be_settled, shape=_small(LOOKUP, 2), waits=("dispatcher-2",)
    ),
    "version_not_compared": Scene(play=_an_older_event_comes_last),
    "generation_ignored": Scene(play=_newer_state_comes_during_the_call, shape=_small(PATIENT)),
    "created_again_in_doubt": Scene(play=_dies_after_the_create_was_applied, shape=_small(LOOKUP)),
    "lease_shorter_than_the_attempt": Scene(play=_an_attempt_takes_its_time, shape=_small(LOOKUP)),
    "unknown_deletion_forgotten": Scene(play=_the_deletion_of_the_unknown_comes_first),
    "old_payload_retried": Scene(play=_newer_state_comes_between_tries),
    "payload_read_before_the_lock": Scene(play=_the_order_changes_while_it_is_claimed),
    "claim_without_the_row_lock": Scene(play=_two_look_at_the_same_moment, shape=_small(LOOKUP, 2)),
    "outbox_above_a_high_water_mark": Scene(
        play=_an_earlier_row_is_committed_later, shape=_PUBLISHING, service="relay"
    ),
    "late_rejection_buries": Scene(play=_a_late_rejection, shape=_small(PATIENT)),
    "marked_before_sent": Scene(play=_the_relay_dies_while_it_publishes, shape=_PUBLISHING, service="relay"),
}
"""by the bug that each would show"""
