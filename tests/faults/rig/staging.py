"""A system with databases, topics and a folder of its own, on servers that others may use too."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from faults.interleavings import Scene, Stage
from faults.rig.api_writer import ApiWriter
from faults.rig.book import Book
from faults.rig.configuration import Shape
from faults.rig.surroundings import Surroundings
from faults.rig.system import System, running
from faults.rig.upstream_writer import UpstreamWriter
from infra.postgres import Databases, connected
from infra.serving import Caller
from infra.topics import new_topics

from sendto_api.tokens.store import create_token


@asynccontextmanager
async def system_on(
    databases: Databases,
    bootstrap_servers: str,
    folder: Path,
    shape: Shape,
    *,
    bugs: dict[str, list[str]] | None = None,
    around: Surroundings | None = None,
    far_kafka: str | None = None,
) -> AsyncIterator[System]:
    """A system that is not started yet."""
    async with AsyncExitStack() as stack:
        yield System(
            folder,
            shape,
            bootstrap_servers=bootstrap_servers,
            topics=await new_topics(bootstrap_servers),
            api_url=await stack.enter_async_context(databases.migrated("api")),
            dispatch_url=await stack.enter_async_context(databases.migrated("dispatcher")),
            bugs=bugs,
            around=around,
            far_kafka=far_kafka,
        )


async def api_callers(system: System) -> list[Caller]:
    """Callers of its APIs, with a token."""
    async with connected(system.api_url) as database, database.connection() as connection:
        token = await create_token(connection, name="faults", permissions=["*"])
    return [Caller(system.url(name), token) for name in system.names("api")]


@asynccontextmanager
async def staged(
    databases: Databases, bootstrap_servers: str, folder: Path, scene: Scene, bug: str | None
) -> AsyncIterator[Stage]:
    """A scene's system, with its bug or without."""
    names = [f"{scene.service}-{number}" for number in (1, 2)]
    bugs = {name: [bug] for name in names} if bug else {}
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(
            system_on(databases, bootstrap_servers, folder, scene.shape, bugs=bugs)
        )
        await stack.enter_async_context(running(system, *(one for one in system.all_names if one not in scene.waits)))
        book, random_ = Book(), random.Random(1)  # noqa: S311 - to be the same each time
        callers = await api_callers(system)
        upstream = UpstreamWriter(bootstrap_servers, system.topics.events, book, random_, orders=10, pause_s=0)
        stage_ = Stage(system=system, book=book, upstream=upstream, api=ApiWriter(callers, book, random_, pause_s=0))
        await stage_.behave()
        yield stage_
        await upstream.close()
        for caller in callers:
            await caller.close()
