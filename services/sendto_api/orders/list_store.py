"""Lists of orders in the database: one statement for a page, one more that counts.

The page's ids are found first, by an index; what belongs to them is joined then. What is skipped costs little, and a
page after a cursor costs the same wherever it lies.

An index either has the wanted sort, or finds what a filter wants: which of them is quick depends on how many orders
match and where they lie, and the planner can only guess. So both are in the statement: a bounded walk along the sort,
which fills the page wherever matches are frequent, and, only if it did not, all matches by the filter's index.
"""

from dataclasses import dataclass
from typing import Any

import asyncpg

from sendto.runtime.database import Connection
from sendto_api.orders.cursors import Cursor, Sort
from sendto_api.orders.find_store import SORT_EXPRESSIONS, Finding
from sendto_api.orders.listing import SEARCH_TOTAL_MOST, Filters, Listing
from sendto_api.orders.store import ADDRESS_COLUMNS, CUSTOMER_COLUMNS, TOTALS, columns_of

WALK = 4_000
"""orders that are looked at along the sort before the matches are collected"""
_COVERED = 20_000
"""matches that are collected without a walk where an index holds all that is asked of them"""
_FREQUENT = 400
"""matches among the newest WALK orders from which on the next ones are found by looking on"""
_HISTORY = """
(SELECT coalesce(json_agg(json_build_object(
    'status_id', h.status_id, 'comment', h.comment, 'notify', h.notify, 'assignee_id', h.assignee_id,
    'date_added', h.date_added) ORDER BY h.id), '[]')
 FROM order_status_history h WHERE h.order_id = o.order_id)
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One order of a page, with what was asked for."""

    order: dict[str, Any]
    customer: dict[str, Any] | None
    history: list[dict[str, Any]]
    cursor: Cursor
    """the place after it"""


async def page_of(connection: Connection, listing: Listing, total: int | None) -> tuple[list[Listed], bool]:
    """The page's orders, and whether there are more after it; `total` is how many there are in all, where known."""
    statement, values = page_statement(listing, total)
    rows = await connection.fetch(statement, *values)
    listed = [_listed(row, listing.sort) for row in rows[: listing.limit]]
    return listed, len(rows) > listing.limit


async def count_of(connection: Connection, filters: Filters) -> int:
    """How many orders there are in all; of those that are searched for, at most SEARCH_TOTAL_MOST."""
    statement, values = count_statement(filters)
    return int(await connection.fetchval(statement, *values))


def count_statement(filters: Filters) -> tuple[str, list[Any]]:
    """The statement that counts, and its parameters.

    A text that is frequent among the newest orders is counted by looking on, a rare one by its index.
    """
    finding = Finding(filters)
    if filters.search is None:
        return f'SELECT count(*) FROM "order" o WHERE {finding.filtered()}', finding.values
    newest_first = 'SELECT * FROM "order" o ORDER BY o.order_id DESC'
    counted = f"SELECT count(*) FROM ({{}} LIMIT {SEARCH_TOTAL_MOST}) o"
    # With filters beside it, what is frequent among the newest may be so because of them, and end there.
    all_orders = '"order"' if finding.picks else f"({newest_first} OFFSET 0)"
    looked_on = f"SELECT 1 FROM {all_orders} o WHERE {finding.filtered()}"
    sql = f"""
WITH near AS MATERIALIZED (
    SELECT count(*) AS matches FROM ({newest_first} LIMIT {WALK}) o WHERE {finding.filtered()})
SELECT CASE WHEN matches >= {_FREQUENT} THEN ({counted.format(looked_on)})
    ELSE ({counted.format(finding.matches("1"))}) END
FROM near
"""
    return sql, finding.values


def page_statement(listing: Listing, total: int | None) -> tuple[str, list[Any]]:
    """The statement of a page, and its parameters: one order more than the page has."""
    finding = Finding(listing.filters, listing.cursor)
    wanted = [
        "o.*",
        columns_of("a", ADDRESS_COLUMNS),
        f"{TOTALS} AS order_totals",
        f"{SORT_EXPRESSIONS[listing.sort.name]} AS sort_value",
        columns_of("c", CUSTOMER_COLUMNS if "customer" in listing.includes else ()),
        f"{_HISTORY} AS status_history" if "status_history" in listing.includes else "",
    ]
    customer = "LEFT JOIN customer c ON c.order_id = o.order_id" if "customer" in listing.includes else ""
    sql = f"""
WITH {_page(listing, finding, total)}
SELECT {", ".join(part for part in wanted if part)}
FROM page JOIN "order" o ON o.order_id = page.order_id
LEFT JOIN order_address a ON a.order_id = o.order_id {customer}
{_order_by(listing.sort, "sort_value")}
"""
    return sql, finding.values


def _page(listing: Listing, finding: Finding, total: int | None) -> str:
    """The common table expression `page` with the ids, and what it is made from."""
    skipped = 0 if listing.cursor else listing.offset
    wanted = listing.limit + 1
    by_place = _order_by(listing.sort, "o.place")
    page = f"{by_place} LIMIT {wanted} OFFSET {skipped}"
    placed = f'SELECT o.*, {SORT_EXPRESSIONS[listing.sort.name]} AS place FROM "order" o'
    if finding.filters_nothing:
        return f"page AS MATERIALIZED (SELECT o.order_id FROM ({placed} WHERE {finding.place(listing.sort)}) o {page})"
    # OFFSET 0 keeps the planner from walking here, too, in the hope of an early end.
    matches = finding.matches(f"o.order_id, {SORT_EXPRESSIONS[listing.sort.name]} AS place")
    if total is not None and total <= (_COVERED if finding.covered else WALK):
        return f"page AS MATERIALIZED (SELECT o.order_id FROM ({matches} OFFSET 0) o {page})"
    walk = max(WALK, 4 * (skipped + wanted))
    return f"""walked AS MATERIALIZED (
    SELECT o.order_id FROM (
        {placed} WHERE {finding.place(listing.sort)} {_order_by(listing.sort, "place")} LIMIT {walk}) o
    WHERE {finding.filtered()} {page}),
page AS MATERIALIZED (
    SELECT order_id FROM walked WHERE (SELECT count(*) FROM walked) = {wanted}
    UNION ALL (SELECT o.order_id FROM ({matches} AND (SELECT count(*) FROM walked) < {wanted} OFFSET 0) o {page}))"""


def _order_by(sort: Sort, place: str) -> str:
    direction = "DESC" if sort.descending else "ASC"
    by_id = f"o.order_id {direction}"
    return f"ORDER BY {by_id}" if sort.name == "order_id" else f"ORDER BY {place} {direction}, {by_id}"


def _listed(row: asyncpg.Record, sort: Sort) -> Listed:
    apart = {"sort_value", "status_history"}
    order = {name: value for name, value in row.items() if not name.startswith(("a_", "c_")) and name not in apart}
    order["address"] = {name: row[f"a_{name}"] for name in ADDRESS_COLUMNS} if row["a_address_id"] else None
    customer = None
    if row.get("c_created_at"):
        customer = {name: row[f"c_{name}"] for name in CUSTOMER_COLUMNS}
    cursor = Cursor(sort, row["sort_value"], row["order_id"])
    return Listed(order, customer, row.get("status_history") or [], cursor)
