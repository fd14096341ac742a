"""Giving a provider another name, for the API and the console alike."""

from http import HTTPStatus

import asyncpg
from fastapi import HTTPException

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.ops.actions import must_know
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.moves import wake_engines
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.renames import Hindrances, rename_provider
from sendto_dispatcher.store.tokens import Bearer

_TRIES = 5


async def rename(database: Database, current: Current, bearer: Bearer, old: str, new: str) -> int:
    """Move all lanes of a provider to another name: how many there were; answers 409 where that cannot be."""
    if old in current().providers:
        raise _conflict(f"{old} is served under this name: rename it in the configuration first, with enabled = false")

    async def move(connection: Connection) -> int:
        await must_know(connection, old, current)
        found = await rename_provider(connection, old, new)
        if isinstance(found, Hindrances):
            raise _conflict(_hindered(found, old, new))
        await provider_store.know(connection, [new])
        await record_change(connection, bearer.name, "rename", {"provider": old, "to": new}, lanes=found)
        return found

    for _ in range(_TRIES):
        try:
            lanes = await database.in_transaction(move)
        except asyncpg.UniqueViolationError:
            continue  # an event came in between
        await wake_engines(database)
        return lanes
    raise _conflict(f"events keep making lanes of {new}; try again")


def _hindered(found: Hindrances, old: str, new: str) -> str:
    if found.leased:
        return f"{found.leased} lanes of {old} or {new} are being served; try again when they are settled"
    if found.sent:
        return f"for {found.sent} orders something was sent as {old} and as {new}: they cannot be told apart any more"
    return f"{found.taken} references of {old} belong to other orders at {new}"


def _conflict(words: str) -> HTTPException:
    return HTTPException(HTTPStatus.CONFLICT, words)
