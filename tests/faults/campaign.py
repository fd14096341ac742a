"""Faults one after another under continuous writes; in the end the checker judges."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from faults.checking.records import State, Violation, Window
from faults.kinds.fault import Fault, Field
from faults.rig.api_writer import ApiWriter
from faults.rig.book import Book
from faults.rig.clocks import sweep
from faults.rig.configuration import Shape
from faults.rig.judging import Judge
from faults.rig.servers import own_servers
from faults.rig.staging import api_callers, system_on
from faults.rig.surroundings import Need, surroundings
from faults.rig.system import System, running
from faults.rig.upstream_writer import UpstreamWriter
from infra.postgres import Databases
from infra.serving import Caller


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who writes how much meanwhile."""

    api_orders: int = 60
    api_workers: int = 4
    api_pause_s: float = 0.1
    upstream_orders: int = 60
    upstream_pause_s: float = 0.05

    def slower(self, times: float) -> "Load":
        """The same with longer pauses: for a machine that has other things to do."""
        return replace(self, api_pause_s=self.api_pause_s * times, upstream_pause_s=self.upstream_pause_s * times)


@dataclass(slots=True, kw_only=True)
class Result:
    """What a campaign came to."""

    seed: int
    windows: list[Window] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    killed_at_s: list[float] = field(default_factory=list)
    """when a process of ours was killed"""
    writes: int = 0
    violations: list[Violation] = field(default_factory=list)
    applied_at_s: list[float] = field(default_factory=list)
    """when a provider applied something"""
    ended: list[str] = field(default_factory=list)
    """processes that ended without being killed: nothing that is away may end one"""
    moves_truth: bool = False
    """whether the API was restored, and holds something else than what was written"""


@asynccontextmanager
async def battlefield(folder: Path, shape: Shape, needs: frozenset[Need] = frozenset()) -> AsyncIterator[Field]:
    """A running system on servers of its own, in surroundings as the faults need them."""
    with surroundings(folder / "servers" / "postgres", needs) as around:
        async with own_servers(folder / "servers", around) as servers:
            databases = Databases(servers.postgres.url("postgres"))
            bootstrap = servers.kafka.bootstrap_servers
            async with (
                system_on(
                    databases, bootstrap, folder / "system", shape, around=around, far_kafka=servers.kafka.near
                ) as system,
                running(system),
            ):
                place = Field(system=system, servers=servers)
                await place.behave()
                yield place
    sweep()


class Writers:
    """Who writes meanwhile: a shop through the API, and an upstream system.

    Args:
        system: to which they write.
        book: where they write down what was taken.
    """

    def __init__(self, system: System, book: Book, callers: list[Caller], seed: int, load: Load) -> None:
        random_ = random.Random(seed)  # noqa: S311 - to be the same each time
        self._load = load
        self.api = ApiWriter(callers, book, random_, pause_s=load.api_pause_s)
        self._upstream = UpstreamWriter(
            system.bootstrap_servers,
            system.topics.events,
            book,
            random_,
            orders=load.upstream_orders,
            pause_s=load.upstream_pause_s,
        )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write while the block runs; what was begun is finished."""
        await self.api.make(self._load.api_orders)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._load.api_workers):
                group.create_task(self.api.run())
            group.create_task(self._upstream.run())
            try:
                yield
            finally:
                self.api.stopping = self._upstream.stopping = True
        await self._upstream.close()


@asynccontextmanager
async def writers(system: System, book: Book, seed: int, load: Load) -> AsyncIterator[Writers]:
    """Writers for a block; they do not write yet."""
    callers = await api_callers(system)
    try:
        yield Writers(system, book, callers, seed, load)
    finally:
        for caller in callers:
            await caller.close()


async def fight(
    place: Field,
    faults: Iterable[Fault],
    *,
    seed: int,
    load: Load,
    for_s: float,
    pauses_s: Iterable[float],
    patience_s: float,
    right_within_s: float,
) -> Result:
    """Strike for so long, with these pauses after faults; then wait until all is right, and judge."""
    result, book = Result(seed=seed), Book()
    until_s = time.monotonic() + for_s
    truth: Mapping[str, State | None] = {}
    async with writers(place.system, book, seed, load) as writing:
        async with writing.writing():
            for fault, pause_s in zip(faults, pauses_s, strict=False):
                if time.monotonic() >= until_s:
                    break
                await _strike(place, fault, result)
                await asyncio.sleep(pause_s)
        if result.moves_truth:
            truth = await writing.api.held()
    result.writes = len(book.written)
    judge = Judge(place.system)
    result.violations = await judge.verdict(
        book.written, result.windows, patience_s=patience_s, right_within_s=right_within_s, truth=truth
    )
    result.ended = place.system.ended()
    result.violations += [Violation("ended", "", line) for line in result.ended]
    result.applied_at_s = [entry.at_s for log in judge.logs.values() for entry in log.entries if entry.applied]
    return result


async def _strike(place: Field, fault: Fault, result: Result) -> None:
    begin_s = time.time()
    await fault.strike(place)
    await place.system.ready()
    sweep()
    result.windows.append(
        Window(kind=fault.kind, begin_s=begin_s, ready_s=time.time(), late=fault.late, lost_s=fault.lost_s)
    )
    result.struck.append(str(fault))
    result.killed_at_s += fault.killed_at_s
    result.moves_truth |= fault.moves_truth


def told(violations: Sequence[Violation]) -> str:
    """Lines for a person."""
    return "\n".join(f"{one.rule}: {one.reference} {one.detail}" for one in violations[:40])
