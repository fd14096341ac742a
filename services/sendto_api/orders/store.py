"""Orders and customers in the database. A write reads and locks the order, then changes everything in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from sendto.runtime.database import Connection
from sendto_api.http.statement import Statement
from sendto_api.http.turns import Turn
from sendto_api.outbox.events import ADDRESS_LINES, NewEvent
from sendto_api.outbox.store import row

CUSTOMER_COLUMNS = ("first_name", "last_name", "email", "phone_number", "mobile_number", "created_at", "updated_at")
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
_DATES = ("date_added", "date_modified")
_FIXED = frozenset(
    {"customer_id", "payment", "processed", "order_total", "total_items", "hash", "ip_address", "user_agent"}
)
PATCHED_COLUMNS = tuple(name for name in ORDER_COLUMNS if name not in _FIXED)
"""the columns that a PATCH can change"""

ADDRESS_COLUMNS = ("address_id", *ADDRESS_LINES)
TOTALS = """
(SELECT coalesce(json_agg(json_build_object(
    'order_total_id', t.order_total_id, 'order_id', t.order_id, 'code', t.code, 'title', t.title,
    'value', t.value, 'priority', t.priority) ORDER BY t.priority, t.order_total_id), '[]')
 FROM order_total t WHERE t.order_id = o.order_id)
"""


def columns_of(table: str, names: tuple[str, ...]) -> str:
    """The columns of a joined table, each with its table's letter before it."""
    return ", ".join(f"{table}.{name} AS {table}_{name}" for name in names)


_SELECT = f"""
SELECT o.*, {columns_of("a", ADDRESS_COLUMNS)}, {columns_of("c", CUSTOMER_COLUMNS)}, {TOTALS} AS order_totals,
    clock_timestamp() AS now,
    CASE WHEN $2 AND a.order_id IS NULL THEN nextval('order_address_address_id_seq') END AS new_address_id,
    greatest(o.version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS next_version
FROM "order" o
LEFT JOIN order_address a ON a.order_id = o.order_id
LEFT JOIN customer c ON c.order_id = o.order_id
"""
_SELECT_ONE = f"{_SELECT} WHERE o.order_id = $1"
_SELECT_SEVERAL = f"{_SELECT} WHERE o.order_id = ANY($1::bigint[]) ORDER BY o.order_id"
_LOCK = {"locked": '(SELECT order_id FROM "order" WHERE order_id = $1 FOR UPDATE)'}
_NEXT = {
    "order_id": "nextval('order_id_seq')",
    "address_id": "CASE WHEN $1 THEN nextval('order_address_address_id_seq') END",
    "total_ids": "ARRAY(SELECT nextval('order_total_order_total_id_seq') FROM generate_series(1, $2::int))",
    "now": "clock_timestamp()",
    "version": "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An order as it stands: its row with `address` and `order_totals`, its customer, and what a write would give it.

    `now` is the database's clock, `next_version` the version that a write would raise the order to.
    """

    order: dict[str, Any]
    customer: dict[str, Any] | None
    now: datetime
    next_version: int
    new_address_id: int | None = None
    """what an address that is added would be called; only for a write that brings one"""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a new order is given: its ids, its version, its time."""

    order_id: int
    address_id: int | None
    total_ids: list[int]
    version: int
    now: datetime


async def find(connection: Connection, order_id: int, *, brings_address: bool = False) -> Found | None:
    """The order as it stands, or None."""
    row = await connection.fetchrow(_SELECT_ONE, order_id, brings_address)
    return _found(row) if row else None


async def select_orders(connection: Connection, order_ids: list[int]) -> list[Found]:
    """Several orders as they stand, by their ids."""
    return [_found(row) for row in await connection.fetch(_SELECT_SEVERAL, order_ids, False)]  # noqa: FBT003 - $2


async def lock(turn: Turn, order_id: int, *, brings_address: bool = False) -> Found | None:
    """The order, locked until the transaction ends, or None.

    The row is read by a second statement after it is locked: in one, what is joined to it could be older.
    """
    if (await turn.first(_LOCK, order_id))["locked"] is None:
        return None
    return await find(turn.connection, order_id, brings_address=brings_address)


async def fresh(turn: Turn, *, brings_address: bool, totals: int) -> Fresh:
    """Ids, version and time of a new order."""
    row = await turn.first(_NEXT, brings_address, totals)
    return Fresh(**{name: row[name] for name in _NEXT})


def insert_order(order: dict[str, Any], customer: dict[str, Any] | None, event: NewEvent | None) -> Statement:
    """Stores a new order with all that belongs to it."""
    sql = Statement()
    order_id, now = order["order_id"], order["date_added"]
    sql.insert('"order"', {name: order[name] for name in ("order_id", "version", *ORDER_COLUMNS, *_DATES)})
    if order["address"]:
        sql.insert("order_address", {"order_id": order_id} | order["address"])
    for total in order["order_totals"]:
        sql.insert("order_total", total)
    if order["status_id"] is not None:
        sql.insert("order_status_history", _status(order_id, order, now))
    if customer is not None:
        sql.insert("customer", {"order_id": order_id} | {name: customer[name] for name in CUSTOMER_COLUMNS})
    return _with_event(sql, event)


def update_order(found: Found, after: dict[str, Any], event: NewEvent | None) -> Statement:
    """Writes what a PATCH has changed."""
    before, order_id = found.order, found.order["order_id"]
    changed = {name: after[name] for name in PATCHED_COLUMNS if after[name] != before[name]}
    sql = _raised(found, changed)
    if after["address"] != before["address"]:
        if after["address"] is None:
            sql.delete("order_address", order_id)
        else:
            sql.upsert("order_address", {"order_id": order_id} | after["address"])
    if "status_id" in changed and after["status_id"] is not None:
        sql.insert("order_status_history", _status(order_id, after, found.now))
    return _with_event(sql, event)


def delete_order(order_id: int, event: NewEvent | None) -> Statement:
    """Deletes an order; what belongs to it goes with it."""
    sql = Statement()
    sql.delete('"order"', order_id)
    return _with_event(sql, event)


def write_customer(found: Found, customer: dict[str, Any] | None, event: NewEvent) -> Statement:
    """Stores an order's customer, or deletes it."""
    order_id = found.order["order_id"]
    sql = _raised(found, {})
    if customer is None:
        sql.delete("customer", order_id)
    else:
        sql.upsert("customer", {"order_id": order_id} | {name: customer[name] for name in CUSTOMER_COLUMNS})
    return _with_event(sql, event)


def _raised(found: Found, changed: dict[str, Any]) -> Statement:
    """The order's new version, with the columns that change."""
    sql = Statement()
    raised = {"version": found.next_version, "date_modified": found.now}
    sql.update('"order"', raised | changed, found.order["order_id"])
    return sql


def _with_event(sql: Statement, event: NewEvent | None) -> Statement:
    if event is not None:
        sql.insert("outbox", row(event))
    return sql


def _status(order_id: int, order: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "status_id": order["status_id"],
        "comment": None,
        "notify": order["notify"],
        "assignee_id": order["assignee_id"],
        "date_added": now,
    }


def _found(row: asyncpg.Record) -> Found:
    order = {name: value for name, value in row.items() if not name.startswith(("a_", "c_"))}
    now, next_version, new_address_id = order.pop("now"), order.pop("next_version"), order.pop("new_address_id")
    order["address"] = {name: row[f"a_{name}"] for name in ADDRESS_COLUMNS} if row["a_address_id"] else None
    customer = {name: row[f"c_{name}"] for name in CUSTOMER_COLUMNS} if row["c_created_at"] else None
    return Found(order, customer, now, next_version, new_address_id)
