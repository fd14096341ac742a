"""A connection that looks at the plan of every statement before it runs it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sendto.runtime.database import Connection

Json = dict[str, Any]

MOST_PAGES_A_ROW = 60
"""of indexes and tables, written ones too; a scan of a million rows looks at tens of thousands"""
_MOST_PAGES_ALL_IN_ALL = 200
_SMALL = {"provider_state", "intake_position", "replica", "lane_census", "ops_replay", "ops_reroute", "pg_database"}
"""tables of a few rows, which are rightly read as a whole"""


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement and what its run looked at."""

    statement: str
    plan: Json

    @property
    def pages(self) -> int:
        """How many pages were looked at; it does not depend on what else the machine does."""
        return int(self.plan["Shared Hit Blocks"] + self.plan["Shared Read Blocks"])

    @property
    def rows(self) -> int:
        """The most rows that it took from a table at once."""
        return max((int(node["Actual Rows"]) for node in _nodes(self.plan) if "Relation Name" in node), default=0)

    def scanned(self) -> set[str]:
        """The tables that were read from end to end."""
        return {node["Relation Name"] for node in _nodes(self.plan) if node["Node Type"] == "Seq Scan"}


def _nodes(plan: Json) -> Iterator[Json]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


class Explaining:
    """Stands in for a connection; every statement is explained with its parameters, undone, and then run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.planned: list[Planned] = []

    def all_cheap(self, rows: int, *, statements: int) -> None:
        """Fail unless all found their rows by an index, and there were at least so many.

        Args:
            rows: that were to be found or written.
            statements: that must have been run, so that none has gone another way.
        """
        assert len(self.planned) >= statements, [one.statement for one in self.planned]
        for one in self.planned:
            assert one.scanned() <= _SMALL, f"{one.scanned()}: {one.statement}"
            assert one.pages <= MOST_PAGES_A_ROW * rows + _MOST_PAGES_ALL_IN_ALL, f"{one.pages} pages: {one.statement}"

    async def unexplained(self, statement: str) -> None:
        """Run what only sets the scene."""
        await self._connection.execute(statement)

    def transaction(self) -> Any:
        """One of the connection's own."""
        return self._connection.transaction()

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        """Explain, then fetch."""
        await self._explain(statement, arguments)
        return await self._connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        """Explain, then fetch."""
        await self._explain(statement, arguments)
        return await self._connection.fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """Explain, then fetch."""
        await self._explain(statement, arguments)
        return await self._connection.fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: Any) -> str:
        """Explain, then execute."""
        await self._explain(statement, arguments)
        return await self._connection.execute(statement, *arguments)

    async def _explain(self, statement: str, arguments: tuple[Any, ...]) -> None:
        if statement.lstrip().split(maxsplit=1)[0].upper() not in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}:
            return
        undone = self._connection.transaction()
        await undone.start()
        found = await self._connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
        await undone.rollback()
        self.planned.append(Planned(statement, (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
