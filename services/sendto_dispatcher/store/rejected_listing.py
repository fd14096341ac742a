"""Rejected events in pages: why and where, without what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

_COLUMNS = """
SELECT id, topic, partition, record_offset, source, order_id, reason, detail, rejected_at, published_at,
    coalesce(length(record_value), 0) AS value_bytes
"""
_LIST = f"""
{_COLUMNS} FROM rejected_event WHERE {{chosen}} AND id < coalesce($1::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT $2
"""
_NEXT = "SELECT id FROM rejected_event WHERE {chosen} AND id > $1 ORDER BY id LIMIT $2"
_COUNT = "SELECT count(*) FROM rejected_event WHERE {chosen}"
_ONE = f"{_COLUMNS} FROM rejected_event WHERE id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which rejected events: of a reason, of a source."""

    reason: str | None = None
    source: str | None = None

    def within(self, statement: str, *first: object) -> tuple[str, list[object]]:
        """The statement for these, with the parameters that it has before: one that an index of theirs serves."""
        arguments, conditions = list(first), ["true"]
        for column, value in (("reason", self.reason), ("source", self.source)):
            if value is not None:
                arguments.append(value)
                conditions.append(f"{column} = ${len(arguments)}")
        return statement.format(chosen=" AND ".join(conditions)), arguments


async def rejected_rows(
    connection: Connection, chosen: Chosen | None = None, *, before_id: int | None, limit: int
) -> list[Row]:
    """The newest rejected events; those older than `before_id`, if it is given."""
    statement, arguments = (chosen or Chosen()).within(_LIST, before_id, limit)
    rows = await connection.fetch(statement, *arguments)
    return [dict(row) for row in rows]


async def next_rejected(connection: Connection, chosen: Chosen, *, after_id: int, limit: int) -> Sequence[int]:
    """The next of them, the oldest first."""
    statement, arguments = chosen.within(_NEXT, after_id, limit)
    rows = await connection.fetch(statement, *arguments)
    return [row["id"] for row in rows]


async def count_rejected(connection: Connection, chosen: Chosen) -> int:
    """How many there are."""
    statement, arguments = chosen.within(_COUNT)
    counted: int = await connection.fetchval(statement, *arguments)
    return counted


async def rejected_row(connection: Connection, rejected_id: int) -> Row | None:
    """One of them."""
    row = await connection.fetchrow(_ONE, rejected_id)
    return dict(row) if row else None
