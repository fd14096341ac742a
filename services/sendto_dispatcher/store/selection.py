"""Choosing lanes: which of them an action of ops concerns, as conditions that PostgreSQL finds by its indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sendto.runtime.database import Connection

_COUNT = "SELECT count(*) FROM lane WHERE {conditions}"
_NEXT = "SELECT id FROM lane WHERE id > ${after} AND id <= ${until} AND {conditions} ORDER BY id LIMIT ${limit}"
_LAST = "SELECT coalesce(max(id), 0) FROM lane"


class ChosenState(StrEnum):
    """States by which lanes can be chosen."""

    CONVERGED = "converged"
    UNCONFIRMED = "unconfirmed"
    BEHIND = "behind"
    """all that are due, waiting, leased or parked"""
    DEAD = "dead"
    UNKNOWN = "unknown"
    TAKEN = "taken"
    UNSUPPORTED = "unsupported"
    SHADOW = "shadow"


_STATES = {
    ChosenState.CONVERGED: "due_at IS NULL AND resting IS NULL AND NOT unconfirmed",
    ChosenState.UNCONFIRMED: "behind_since IS NULL AND resting IS NULL AND unconfirmed",
    ChosenState.BEHIND: "due_at IS NOT NULL AND behind_since IS NOT NULL",
    ChosenState.DEAD: "resting = 'dead'",
    ChosenState.UNKNOWN: "resting = 'unknown'",
    ChosenState.TAKEN: "resting = 'taken'",
    ChosenState.UNSUPPORTED: "resting = 'unsupported'",
    ChosenState.SHADOW: "resting = 'shadow'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Lanes of one provider: in a state, with a reason, that last changed in a window of time."""

    provider: str
    state: ChosenState | None = None
    reason: str | None = None
    changed_after: datetime | None = None
    changed_before: datetime | None = None

    def conditions(self) -> tuple[str, list[object]]:
        """SQL and its parameters, from $1."""
        arguments: list[object] = [self.provider]
        parts = ["provider = $1"]
        if self.state is not None:
            parts.append(_STATES[self.state])
        for sql, value in (
            ("reason = ${}", self.reason),
            ("changed_at >= ${}", self.changed_after),
            ("changed_at < ${}", self.changed_before),
        ):
            if value is not None:
                arguments.append(value)
                parts.append(sql.format(len(arguments)))
        return " AND ".join(parts), arguments


async def count_lanes(connection: Connection, selection: Selection) -> int:
    """How many lanes are chosen now."""
    conditions, arguments = selection.conditions()
    counted: int = await connection.fetchval(_COUNT.format(conditions=conditions), *arguments)
    return counted


async def last_lane_id(connection: Connection) -> int:
    """The id of the newest lane; 0 where there is none."""
    last: int = await connection.fetchval(_LAST)
    return last


async def next_lanes(
    connection: Connection, selection: Selection, *, after_id: int, until_id: int, limit: int
) -> Sequence[int]:
    """The next chosen lanes by id, above `after_id` and up to `until_id`."""
    conditions, arguments = selection.conditions()
    first = len(arguments) + 1
    statement = _NEXT.format(conditions=conditions, after=first, until=first + 1, limit=first + 2)
    return [row["id"] for row in await connection.fetch(statement, *arguments, after_id, until_id, limit)]
