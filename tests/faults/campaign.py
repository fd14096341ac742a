"""Faults one after another under continuous writes; in the end the checker judges."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.checking.records import Violation, Window
from faults.kinds.fault import Fault, Field
from faults.rig.api_writer import ApiWriter
from faults.rig.book import Book
from faults.rig.configuration import Shape
from faults.rig.judging import Judge
from faults.rig.servers import own_servers
from faults.rig.staging import api_callers, system_on
from faults.rig.system import System, running
from faults.rig.upstream_writer import UpstreamWriter
from infra.postgres import Databases


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who writes how much meanwhile."""

    api_orders: int = 60
    api_workers: int = 4
    api_pause_s: float = 0.1
    upstream_orders: int = 60
    upstream_pause_s: float = 0.05


@dataclass(slots=True, kw_only=True)
class Result:
    """What a campaign came to."""

    seed: int
    windows: list[Window] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    kills: int = 0
    writes: int = 0
    violations: list[Violation] = field(default_factory=list)
    applied_at_s: list[float] = field(default_factory=list)
    """when a provider applied something"""


@asynccontextmanager
async def battlefield(folder: Path, shape: Shape) -> AsyncIterator[Field]:
    """A running system on servers of its own."""
    async with own_servers(folder / "servers") as servers:
        databases = Databases(servers.postgres.url("postgres"))
        bootstrap = servers.kafka.bootstrap_servers
        async with (
            system_on(databases, bootstrap, folder / "system", shape) as system,
            running(system),
        ):
            place = Field(system=system, servers=servers)
            await place.behave()
            yield place


@asynccontextmanager
async def writing(system: System, book: Book, seed: int, load: Load) -> AsyncIterator[None]:
    """Write while the block runs; what was begun is finished."""
    random_ = random.Random(seed)  # noqa: S311 - to be the same each time
    callers = await api_callers(system)
    api = ApiWriter(callers, book, random_, pause_s=load.api_pause_s)
    upstream = UpstreamWriter(
        system.bootstrap_servers,
        system.topics.events,
        book,
        random_,
        orders=load.upstream_orders,
        pause_s=load.upstream_pause_s,
    )
    await api.make(load.api_orders)
    async with asyncio.TaskGroup() as group:
        for _ in range(load.api_workers):
            group.create_task(api.run())
        group.create_task(upstream.run())
        try:
            yield
        finally:
            api.stopping = upstream.stopping = True
    await upstream.close()
    for caller in callers:
        await caller.close()


async def fight(
    place: Field,
    faults: Iterable[Fault],
    *,
    seed: int,
    load: Load,
    for_s: float,
    quiet_s: float,
    patience_s: float,
    right_within_s: float,
) -> Result:
    """Strike for so long, with pauses; then wait until all is right, and judge."""
    result, book = Result(seed=seed), Book()
    until_s = time.monotonic() + for_s
    async with writing(place.system, book, seed, load):
        for fault in faults:
            if time.monotonic() >= until_s:
                break
            result.windows.append(await _strike(place, fault))
            result.struck.append(str(fault))
            result.kills += getattr(fault, "kills", 0)
            await asyncio.sleep(quiet_s)
    result.writes = len(book.written)
    judge = Judge(place.system)
    result.violations = await judge.verdict(
        book.written, result.windows, patience_s=patience_s, right_within_s=right_within_s
    )
    result.applied_at_s = [entry.at_s for log in judge.logs.values() for entry in log.entries if entry.applied]
    return result


async def _strike(place: Field, fault: Fault) -> Window:
    begin_s = time.time()
    await fault.strike(place)
    await place.system.ready()
    return Window(kind=fault.kind, begin_s=begin_s, ready_s=time.time(), late_calls=fault.late_calls)


def told(violations: Sequence[Violation]) -> str:
    """Lines for a person."""
    return "\n".join(f"{one.rule}: {one.reference} {one.detail}" for one in violations[:40])
