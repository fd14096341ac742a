"""Lists of orders in the database: one statement for a page, one more that counts.

The page's ids are found first, by an index alone where there is a fitting one; what belongs to them is joined then. So
what is skipped costs little, and a page after a cursor costs the same wherever it lies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from sendto.runtime.database import Connection
from sendto_api.orders.cursors import Cursor, Sort
from sendto_api.orders.listing import Filters, Listing
from sendto_api.orders.store import ADDRESS_COLUMNS, CUSTOMER_COLUMNS, TOTALS, columns_of

SORT_EXPRESSIONS = {
    "order_id": "o.order_id",
    "order_date_time": "o.order_date_time",
    "date_added": "o.date_added",
    "date_modified": "o.date_modified",
    "order_total": "o.order_total",
    "status_id": "coalesce(o.status_id, 0)",
    "last_name": "o.last_name",
}
"""each has an index, together with the order id"""
_SEARCHED = "lower(o.first_name || ' ' || o.last_name || E'\\n' || o.email || E'\\n' || coalesce(o.telephone, ''))"
_HISTORY = """
(SELECT coalesce(json_agg(json_build_object(
    'status_id', h.status_id, 'comment', h.comment, 'notify', h.notify, 'assignee_id', h.assignee_id,
    'date_added', h.date_added) ORDER BY h.id), '[]')
 FROM order_status_history h WHERE h.order_id = o.order_id)
"""

Place = Callable[[object], str]
"""puts a value in its place: among the statement's parameters, by the name that is given back"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One order of a page, with what was asked for."""

    order: dict[str, Any]
    customer: dict[str, Any] | None
    history: list[dict[str, Any]]
    cursor: Cursor
    """the place after it"""


async def page_of(connection: Connection, listing: Listing) -> tuple[list[Listed], bool]:
    """The page's orders, and whether there are more after it."""
    statement, values = page_statement(listing)
    rows = await connection.fetch(statement, *values)
    listed = [_listed(row, listing.sort) for row in rows[: listing.limit]]
    return listed, len(rows) > listing.limit


async def count_of(connection: Connection, filters: Filters) -> int:
    """How many orders there are in all."""
    values: list[Any] = []
    return int(await connection.fetchval(f'SELECT count(*) FROM "order" o {_where(filters, None, values)}', *values))


def page_statement(listing: Listing) -> tuple[str, list[Any]]:
    """The statement of a page, and its parameters: one order more than the page has."""
    values: list[Any] = []
    sort = SORT_EXPRESSIONS[listing.sort.name]
    direction = "DESC" if listing.sort.descending else "ASC"
    order_by = f"ORDER BY {sort} {direction}" + ("" if sort == "o.order_id" else f", o.order_id {direction}")
    where = _where(listing.filters, listing.cursor, values)
    offset = 0 if listing.cursor else listing.offset
    wanted = [
        "o.*",
        columns_of("a", ADDRESS_COLUMNS),
        f"{TOTALS} AS order_totals",
        f"{sort} AS sort_value",
        columns_of("c", CUSTOMER_COLUMNS if "customer" in listing.includes else ()),
        f"{_HISTORY} AS status_history" if "status_history" in listing.includes else "",
    ]
    customer = "LEFT JOIN customer c ON c.order_id = o.order_id" if "customer" in listing.includes else ""
    return (
        f"""
WITH page AS MATERIALIZED (
    SELECT o.order_id FROM "order" o {where} {order_by} LIMIT {listing.limit + 1} OFFSET {offset})
SELECT {", ".join(part for part in wanted if part)}
FROM page JOIN "order" o ON o.order_id = page.order_id
LEFT JOIN order_address a ON a.order_id = o.order_id {customer}
{order_by}
""",
        values,
    )


def _where(filters: Filters, cursor: Cursor | None, values: list[Any]) -> str:
    def place(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    asked = [
        ("o.customer_id = ANY({}::bigint[])", filters.customers),
        ("o.location_id = ANY({}::bigint[])", filters.locations),
        ("coalesce(o.status_id, 0) = ANY({}::bigint[])", filters.statuses),
        ("o.assignee_id = {}::bigint", filters.assignee),
        ("o.order_type = {}", filters.order_type),
        ("o.order_date_time >= {}", filters.starts_at),
        ("o.order_date_time <= {}", filters.ends_at),
        ("o.date_modified > {}", filters.modified_after),
        ("o.date_modified <= {}", filters.modified_before),
    ]
    conditions = [sql.format(place(value)) for sql, value in asked if value is not None]
    if filters.search is not None:
        conditions.append(_search(filters.search, place))
    if cursor is not None:
        conditions.append(_after(cursor, place))
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _search(text: str, place: Place) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    part = f"{_SEARCHED} LIKE '%' || lower({place(escaped)}) || '%'"
    if text.isascii() and text.isdecimal() and int(text) <= 2**63 - 1:
        return f"({part} OR o.order_id = {place(int(text))}::bigint)"
    return part


def _after(cursor: Cursor, place: Place) -> str:
    sign = "<" if cursor.sort.descending else ">"
    if cursor.sort.name == "order_id":
        return f"o.order_id {sign} {place(cursor.order_id)}"
    sort = SORT_EXPRESSIONS[cursor.sort.name]
    return f"({sort}, o.order_id) {sign} ({place(cursor.value)}, {place(cursor.order_id)})"


def _listed(row: asyncpg.Record, sort: Sort) -> Listed:
    apart = {"sort_value", "status_history"}
    order = {name: value for name, value in row.items() if not name.startswith(("a_", "c_")) and name not in apart}
    order["address"] = {name: row[f"a_{name}"] for name in ADDRESS_COLUMNS} if row["a_address_id"] else None
    customer = None
    if row.get("c_created_at"):
        customer = {name: row[f"c_{name}"] for name in CUSTOMER_COLUMNS}
    cursor = Cursor(sort, row["sort_value"], row["order_id"])
    return Listed(order, customer, row.get("status_history") or [], cursor)
