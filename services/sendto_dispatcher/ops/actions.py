"""What ops can do, for the API and the console alike; each is recorded with its change, in one transaction."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.domain.verdict import time_told
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.moves import wake_engines
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store import replays as replay_store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.selection import Selection, count_lanes
from sendto_dispatcher.store.story import provider_rows
from sendto_dispatcher.store.tokens import Bearer

Row = dict[str, Any]


class Actions:
    """Acts for a bearer whose permission was asked for before; what is refused is an HTTPException."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def pause(self, bearer: Bearer, provider: str, reason: str | None) -> None:
        """Stop a provider by hand."""
        async with self._database.transaction() as connection:
            await must_know(connection, provider, self._current)
            await provider_store.pause(connection, provider, by=bearer.name, reason=reason)
            await record_change(connection, bearer.name, "pause", {"provider": provider, "reason": reason})

    async def resume(self, bearer: Bearer, provider: str) -> None:
        """End a pause, and a wait that the provider asked for."""
        async with self._database.transaction() as connection:
            await must_know(connection, provider, self._current)
            await provider_store.resume(connection, provider)
            await record_change(connection, bearer.name, "resume", {"provider": provider})
        await wake_engines(self._database)

    async def count(self, selection: Selection) -> int:
        """How many lanes a replay would concern."""
        async with self._database.connection() as connection:
            await must_know(connection, selection.provider, self._current)
            return await count_lanes(connection, selection)

    async def begin_replay(self, bearer: Bearer, selection: Selection, expected: int | None) -> Row:
        """Begin a replay of the chosen lanes, unless there are more by now than were expected."""
        async with self._database.transaction() as connection:
            await must_know(connection, selection.provider, self._current)
            lanes = await count_lanes(connection, selection)
            if expected is not None and lanes > expected:
                words = f"{lanes} lanes are chosen by now, more than the {expected} that were counted"
                raise HTTPException(HTTPStatus.CONFLICT, words)
            row = await replay_store.begin_replay(connection, selection, by=bearer.name, lanes=lanes)
            await record_change(connection, bearer.name, "replay", _told(row), lanes=lanes)
        return row

    async def cancel_replay(self, bearer: Bearer, run_id: int) -> Row:
        """End a replay where it is."""
        async with self._database.transaction() as connection:
            before = await replay_of(connection, run_id)
            if not await replay_store.cancel_replay(connection, run_id, by=bearer.name):
                raise HTTPException(
                    HTTPStatus.CONFLICT, f"replay {run_id} has ended already, at {time_told(before['ended_at'])}"
                )
            ended = await replay_of(connection, run_id)
            left = ended["lanes"] - ended["looked_at"]
            await record_change(connection, bearer.name, "replay cancelled", {"replay": run_id}, lanes=left)
        return ended


async def must_know(connection: Connection, provider: str, current: Current) -> None:
    """Answer 404 unless the provider is configured here, or was anywhere; make sure that it has its row."""
    if provider not in current().providers:
        known = [row["provider"] for row in await provider_rows(connection)]
        if provider not in known:
            raise HTTPException(HTTPStatus.NOT_FOUND, _unknown(provider, known))
    await provider_store.know(connection, [provider])


async def replay_of(connection: Connection, run_id: int) -> Row:
    """One replay; answers 404 where there is none."""
    row = await replay_store.replay_row(connection, run_id)
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no replay {run_id}")
    return row


def _unknown(provider: str, known: Sequence[str]) -> str:
    return f"no provider {provider!r} is known; known are: {', '.join(sorted(known)) or 'none'}"


def _told(row: Row) -> Row:
    """What was chosen, for the record."""
    chosen = {name: row[name] for name in Selection.__dataclass_fields__ if row[name] is not None}
    return {"replay": row["id"]} | {
        name: value if isinstance(value, str) else str(value) for name, value in chosen.items()
    }
