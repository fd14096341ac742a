"""Choosing lanes: which of them an action of ops concerns.

They are gone through by id, a bounded stretch at a time: so a step costs the same however many lanes there are, and
however few of them are meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.lane import Resting

_COUNT = "SELECT count(*) FROM lane WHERE {conditions}"
_COUNT_SOME = """
SELECT count(*) FILTER (WHERE {conditions}) AS lanes, max(id) AS last_id, count(*) AS looked_at FROM (
    SELECT id, provider, reason, changed_at, due_at, resting, unconfirmed, behind_since FROM lane
    WHERE id > ${after} ORDER BY id LIMIT {most}
) AS stretch
"""
_NEXT = """
WITH stretch AS MATERIALIZED (
    SELECT id, provider, reason, changed_at, due_at, resting, unconfirmed, behind_since FROM lane
    WHERE {indexed} AND id > ${after} AND id <= ${until} ORDER BY id LIMIT {most}
), chosen AS (
    SELECT id FROM stretch WHERE {conditions} ORDER BY id LIMIT ${limit}
)
SELECT (SELECT array_agg(id ORDER BY id) FROM chosen) AS ids, (SELECT max(id) FROM stretch) AS last_id,
    (SELECT count(*) FROM stretch) AS looked_at
"""
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
_INDEXED = frozenset(ChosenState(resting) for resting in Resting)
"""states whose lanes an index has by provider and id"""
_FOUND = _INDEXED | {ChosenState.BEHIND}
"""states whose lanes an index finds"""
_STRETCH = 20_000
"""the most lanes that one step looks at, side by side in the table"""
_STRETCH_BY_INDEX = 500
"""the same where an index finds them, each in another place"""


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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The lanes of one step, after which id the next one goes on, and whether this was the last."""

    ids: Sequence[int]
    after_id: int
    last: bool


async def count_lanes(connection: Connection, selection: Selection) -> int:
    """How many lanes are chosen now; where no index finds them, all are looked at, a stretch with each statement."""
    conditions, arguments = selection.conditions()
    if selection.state in _FOUND:
        found: int = await connection.fetchval(_COUNT.format(conditions=conditions), *arguments)
        return found
    statement = _COUNT_SOME.format(conditions=conditions, after=len(arguments) + 1, most=_STRETCH)
    counted, after_id, looked_at = 0, 0, _STRETCH
    while looked_at == _STRETCH:
        row = dict(await connection.fetchrow(statement, *arguments, after_id) or {})
        counted, after_id, looked_at = counted + row["lanes"], row["last_id"], row["looked_at"]
    return counted


async def last_lane_id(connection: Connection) -> int:
    """The id of the newest lane; 0 where there is none."""
    last: int = await connection.fetchval(_LAST)
    return last


async def next_lanes(
    connection: Connection, selection: Selection, *, after_id: int, until_id: int, limit: int
) -> Chosen:
    """The next chosen lanes by id, above `after_id` and up to `until_id`, as far as one step looks."""
    conditions, arguments = selection.conditions()
    first = len(arguments) + 1
    indexed, most = "true", _STRETCH
    if selection.state in _INDEXED:
        indexed, most = f"provider = $1 AND {_STATES[selection.state]}", _STRETCH_BY_INDEX
    statement = _NEXT.format(
        indexed=indexed, conditions=conditions, most=most, after=first, until=first + 1, limit=first + 2
    )
    row = dict(await connection.fetchrow(statement, *arguments, after_id, until_id, limit) or {})
    ids = list(row["ids"] or [])
    if len(ids) == limit:
        return Chosen(ids, ids[-1], last=False)
    return Chosen(ids, row["last_id"] or after_id, last=row["looked_at"] < most)
