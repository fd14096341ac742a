"""Orders and customers in the database. A write reads and locks the order, then changes everything in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from sendto.runtime.database import Connection
from sendto_api.outbox.events import ADDRESS_LINES, NewEvent
from sendto_api.outbox.store import columns

_CUSTOMER = ("first_name", "last_name", "email", "phone_number", "mobile_number", "created_at", "updated_at")
ORDER_COLUMNS = (
    "customer_id",
    "location_id",
    "first_name",
    "last_name",
    "email",
    "telephone",
    "comment",
    "notify",
    "order_type",
    "order_date_time",
    "processed",
    "total_items",
    "order_total",
    "currency",
    "payment",
    "shipment_provider",
    "status_id",
    "status_updated_at",
    "assignee_id",
    "assignee_group_id",
    "assignee_updated_at",
    "hash",
    "ip_address",
    "user_agent",
)
"""the columns that a new order is given"""
_FIXED = frozenset(
    {"customer_id", "payment", "processed", "order_total", "total_items", "hash", "ip_address", "user_agent"}
)
PATCHED_COLUMNS = tuple(name for name in ORDER_COLUMNS if name not in _FIXED)
"""the columns that a PATCH can change"""

_SELECT = f"""
SELECT o.*, {", ".join(f"a.{name} AS a_{name}" for name in ("address_id", *ADDRESS_LINES))},
    {", ".join(f"c.{name} AS c_{name}" for name in _CUSTOMER)},
    (SELECT coalesce(json_agg(json_build_object(
        'order_total_id', t.order_total_id, 'order_id', t.order_id, 'code', t.code, 'title', t.title,
        'value', t.value, 'priority', t.priority) ORDER BY t.priority, t.order_total_id), '[]')
     FROM order_total t WHERE t.order_id = o.order_id) AS order_totals,
    clock_timestamp() AS now,
    greatest(o.version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS next_version
FROM "order" o
LEFT JOIN order_address a ON a.order_id = o.order_id
LEFT JOIN customer c ON c.order_id = o.order_id
WHERE o.order_id = $1
"""
_LOCK = 'SELECT 1 FROM "order" WHERE order_id = $1 FOR UPDATE'
_NEXT = """
SELECT nextval('order_id_seq') AS order_id, clock_timestamp() AS now,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS version
"""

_EVENT_COLUMNS = "order_id, event_id, type, version, occurred_at, value, traceparent"


@dataclass(frozen=True, slots=True)
class Found:
    """An order as it stands: its row with `address` and `order_totals`, its customer, and what a write would give it.

    `now` is the database's clock, `next_version` the version that a write would raise the order to.
    """

    order: dict[str, Any]
    customer: dict[str, Any] | None
    now: datetime
    next_version: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a new order is given: its id, its version, its time."""

    order_id: int
    version: int
    now: datetime


async def find(connection: Connection, order_id: int) -> Found | None:
    """The order as it stands, or None."""
    row = await connection.fetchrow(_SELECT, order_id)
    return _found(row) if row else None


async def lock(connection: Connection, order_id: int) -> Found | None:
    """The order, locked until the transaction ends, or None.

    The row is read by a second statement after it is locked: in one, what is joined to it could be older.
    """
    if await connection.fetchval(_LOCK, order_id) is None:
        return None
    return await find(connection, order_id)


async def fresh(connection: Connection) -> Fresh:
    """Id, version and time of a new order."""
    row = await connection.fetchrow(_NEXT)
    if row is None:
        raise RuntimeError("PostgreSQL gave no next id")
    return Fresh(row["order_id"], row["version"], row["now"])


async def insert_order(
    connection: Connection,
    new: Fresh,
    order: dict[str, Any],
    *,
    totals: list[dict[str, Any]],
    customer: dict[str, Any] | None,
    event: NewEvent | None,
) -> None:
    """Store an order with all that belongs to it, in one statement."""
    sql = _Statement()
    values = [sql.value(order[name]) for name in ORDER_COLUMNS]
    order_id, version, now = sql.value(new.order_id), sql.value(new.version), sql.value(new.now)
    sql.step(
        f'INSERT INTO "order" (order_id, version, date_added, date_modified, {", ".join(ORDER_COLUMNS)}) '
        f"VALUES ({order_id}, {version}, {now}, {now}, {', '.join(values)})"
    )
    if order["address"]:
        sql.insert("order_address", {"order_id": new.order_id} | order["address"])
    for total in totals:
        sql.insert("order_total", {"order_id": new.order_id} | total)
    if order["status_id"] is not None:
        sql.insert("order_status_history", _status(new.order_id, order, new.now, comment=None))
    if customer is not None:
        sql.insert("customer", {"order_id": new.order_id} | {name: customer[name] for name in _CUSTOMER})
    sql.event(event)
    await sql.run(connection)


async def update_order(connection: Connection, found: Found, after: dict[str, Any], *, event: NewEvent | None) -> None:
    """Write what a PATCH has changed, in one statement."""
    before, order_id = found.order, found.order["order_id"]
    sql = _Statement()
    changed = {name: after[name] for name in PATCHED_COLUMNS if after[name] != before[name]}
    sql.raise_version(found, changed)
    if after["address"] != before["address"]:
        if after["address"] is None:
            sql.step(f"DELETE FROM order_address WHERE order_id = {sql.value(order_id)}")
        else:
            sql.upsert("order_address", {"order_id": order_id} | {n: after["address"][n] for n in ADDRESS_LINES})
    if "status_id" in changed and after["status_id"] is not None:
        sql.insert("order_status_history", _status(order_id, after, found.now, comment=None))
    sql.event(event)
    await sql.run(connection)


async def delete_order(connection: Connection, order_id: int, *, event: NewEvent | None) -> None:
    """Delete an order; what belongs to it goes with it."""
    sql = _Statement()
    sql.step(f'DELETE FROM "order" WHERE order_id = {sql.value(order_id)}')
    sql.event(event)
    await sql.run(connection)


async def write_customer(
    connection: Connection, found: Found, customer: dict[str, Any] | None, *, event: NewEvent
) -> None:
    """Store an order's customer, or delete it, in one statement."""
    order_id = found.order["order_id"]
    sql = _Statement()
    sql.raise_version(found, {})
    if customer is None:
        sql.step(f"DELETE FROM customer WHERE order_id = {sql.value(order_id)}")
    else:
        sql.upsert("customer", {"order_id": order_id} | {name: customer[name] for name in _CUSTOMER})
    sql.event(event)
    await sql.run(connection)


def _status(order_id: int, order: dict[str, Any], now: datetime, *, comment: str | None) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "status_id": order["status_id"],
        "comment": comment,
        "notify": order["notify"],
        "assignee_id": order["assignee_id"],
        "date_added": now,
    }


def _found(row: asyncpg.Record) -> Found:
    order = {name: value for name, value in row.items() if not name.startswith(("a_", "c_"))}
    now, next_version = order.pop("now"), order.pop("next_version")
    order["address"] = (
        {name: row[f"a_{name}"] for name in ("address_id", *ADDRESS_LINES)} if row["a_address_id"] else None
    )
    customer = {name: row[f"c_{name}"] for name in _CUSTOMER} if row["c_created_at"] else None
    return Found(order, customer, now, next_version)


class _Statement:
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

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Add an insert."""
        values = ", ".join(self.value(value) for value in row.values())
        self.step(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")

    def upsert(self, table: str, row: dict[str, Any]) -> None:
        """Add an insert by order id that replaces what is there."""
        values = ", ".join(self.value(value) for value in row.values())
        sets = ", ".join(f"{name} = excluded.{name}" for name in row if name != "order_id")
        self.step(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values}) ON CONFLICT (order_id) DO UPDATE SET {sets}"
        )

    def raise_version(self, found: Found, changed: dict[str, Any]) -> None:
        """Add the order's new version, with the columns that change."""
        row = {"version": found.next_version, "date_modified": found.now} | changed
        sets = ", ".join(f"{name} = {self.value(value)}" for name, value in row.items())
        self.step(f'UPDATE "order" SET {sets} WHERE order_id = {self.value(found.order["order_id"])}')

    def event(self, event: NewEvent | None) -> None:
        """Add the outbox row."""
        if event is not None:
            values = ", ".join(self.value(value) for value in columns(event))
            self.step(f"INSERT INTO outbox ({_EVENT_COLUMNS}) VALUES ({values})")

    async def run(self, connection: Connection) -> None:
        """Carry it out."""
        *first, last = self._steps
        steps = ", ".join(f"s{number} AS ({sql})" for number, sql in enumerate(first))
        await connection.execute(f"WITH {steps} {last}" if first else last, *self._values)
