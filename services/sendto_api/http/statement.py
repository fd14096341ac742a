"""Several changes of a write as one statement."""

from collections.abc import Mapping
from typing import Any

from sendto.runtime.database import Connection

_IDS = frozenset({"order_id", "address_id"})


class Statement:
    """Several changes as one statement: common table expressions that PostgreSQL carries out together."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._steps: list[str] = []

    def value(self, value: Any) -> str:  # noqa: ANN401 - a column's value
        """A parameter; its place in the statement."""
        self._values.append(value)
        return f"${len(self._values)}"

    def step(self, sql: str) -> None:
        """Add a change."""
        self._steps.append(sql)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Add an insert; ids that were taken from a sequence before are taken as they are."""
        values = ", ".join(self.value(value) for value in row.values())
        self.step(f"INSERT INTO {table} ({', '.join(row)}) OVERRIDING SYSTEM VALUE VALUES ({values})")

    def upsert(self, table: str, row: Mapping[str, Any]) -> None:
        """Add an insert by order id that replaces what is there."""
        values = ", ".join(self.value(value) for value in row.values())
        sets = ", ".join(f"{name} = excluded.{name}" for name in row if name not in _IDS)
        into = f"INSERT INTO {table} ({', '.join(row)}) OVERRIDING SYSTEM VALUE VALUES ({values})"
        self.step(f"{into} ON CONFLICT (order_id) DO UPDATE SET {sets}")

    def update(self, table: str, row: Mapping[str, Any], order_id: int) -> None:
        """Add an update of an order's row."""
        sets = ", ".join(f"{name} = {self.value(value)}" for name, value in row.items())
        self.step(f"UPDATE {table} SET {sets} WHERE order_id = {self.value(order_id)}")

    def delete(self, table: str, order_id: int) -> None:
        """Add a delete of an order's row."""
        self.step(f"DELETE FROM {table} WHERE order_id = {self.value(order_id)}")

    async def run(self, connection: Connection) -> None:
        """Carry it out; without any change there is nothing to do."""
        if not self._steps:
            return
        *first, last = self._steps
        steps = ", ".join(f"s{number} AS ({sql})" for number, sql in enumerate(first))
        await connection.execute(f"WITH {steps} {last}" if first else last, *self._values)
