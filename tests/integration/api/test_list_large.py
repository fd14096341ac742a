"""Lists of a million orders: every page is found by an index, and one 10,000 pages deep costs as much as the first.

Costs are counted in pages that PostgreSQL looks at: that does not depend on what else the machine does.
"""

import json
import statistics
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import Request
from infra.postgres import Databases, connected
from infra.serving import Caller, served
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.orders.cursors import SORTS, Cursor, write_cursor
from sendto_api.orders.list_store import SORT_EXPRESSIONS, page_statement
from sendto_api.orders.listing import Listing, read_listing
from sendto_api.settings import ApiSection, ApiSettings
from sendto_api.tokens.store import create_token

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("million_orders")]

ORDERS = 1_000_000
DEPTH = 10_000 * 20
SORT_WORDS = [f"{name} {direction}" for name in SORTS for direction in ("asc", "desc")]
FILTERS = [
    {"customer": "4711", "sort": "order_id desc"},
    {"customer": "1,2,3", "sort": "last_name asc"},
    {"location": "7", "sort": "order_id desc"},
    {"location": "7", "order_type": "delivery", "sort": "order_total desc"},
    {"status": "3", "sort": "date_added desc"},
    {"status": "3,4", "sort": "status_id asc"},
    {"assignee": "12", "sort": "date_modified asc"},
    {"order_type": "collection", "sort": "order_date_time desc"},
    {
        "dateTimeFilter[startAt]": "2024-03-01",
        "dateTimeFilter[endAt]": "2024-03-02",
        "sort": "order_date_time asc",
    },
    {"modified_after": "2024-11-01", "sort": "date_modified asc"},
    {"search": "name 77", "sort": "order_id desc"},
]
_FILL = """
INSERT INTO "order" (order_id, version, customer_id, location_id, first_name, last_name, email, comment, order_type,
    order_date_time, processed, total_items, order_total, currency, status_id, assignee_id, hash, date_added,
    date_modified)
SELECT n, n, 1 + n % 50000, 1 + n % 200, 'First', 'Name ' || n % 5000, 'buyer' || n || '@shop.test', '',
    CASE WHEN n % 10 = 0 THEN 'collection' ELSE 'delivery' END,
    timestamptz '2024-01-01' + (n::bigint * 7919 % 1000000) * interval '30 seconds', true, 1, n * 31 % 100000 / 100.0,
    'GBP', (ARRAY[1, 2, 3, 4, 5, 9, NULL])[1 + n % 7], CASE WHEN n % 2 = 0 THEN n % 1000 END, md5(n::text),
    timestamptz '2024-01-01' + n * interval '30 seconds',
    timestamptz '2024-01-01' + (n::bigint * 6101 % 1000000) * interval '30 seconds'
FROM generate_series(1, $1::int) n
"""


@pytest.fixture(scope="module")
async def million_url(databases: Databases) -> AsyncIterator[str]:
    """A database with a million orders."""
    async with databases.migrated("api") as url:
        async with connected(url) as database:
            connection = await database.direct()
            await connection.execute("SET statement_timeout = 0")
            await connection.execute(_FILL, ORDERS, timeout=1_200)
            await connection.execute('VACUUM ANALYZE "order"', timeout=1_200)
            await connection.close()
        yield url


@pytest.fixture
async def million(million_url: str) -> AsyncIterator[Database]:
    """The same, as our code uses it."""
    async with connected(million_url) as database:
        yield database


def _listing(query: dict[str, str]) -> Listing:
    scope = {"type": "http", "headers": [], "query_string": urlencode(query).encode()}
    return read_listing(Request(scope), "UTC")


async def _deep(database: Database, sort: str) -> Cursor:
    """The place after 10,000 pages."""
    listing = _listing({"sort": sort})
    expression = SORT_EXPRESSIONS[listing.sort.name]
    direction = "DESC" if listing.sort.descending else "ASC"
    statement = f'SELECT {expression} AS value, order_id FROM "order" o ORDER BY 1 {direction}, 2 {direction}'
    async with database.connection() as connection:
        row = await connection.fetchrow(f"{statement} OFFSET {DEPTH} LIMIT 1")
    assert row is not None
    return Cursor(listing.sort, row["value"], row["order_id"])


async def _plan(database: Database, listing: Listing) -> dict[str, Any]:
    statement, values = page_statement(listing)
    async with database.connection() as connection:
        await connection.fetch(statement, *values)
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values)
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


def _reads_by_an_index(plan: dict[str, Any]) -> bool:
    nodes = list(_nodes(plan))
    scanned = [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "order"]
    return not scanned and any("Index" in node["Node Type"] for node in nodes)


def _pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("sort", SORT_WORDS)
async def test_a_page_ten_thousand_pages_deep_costs_as_much_as_the_first(million: Database, sort: str) -> None:
    listing = _listing({"sort": sort})

    first = await _plan(million, listing)
    deep = await _plan(million, replace(listing, cursor=await _deep(million, sort)))

    assert _reads_by_an_index(first)
    assert _reads_by_an_index(deep)
    assert "Sort" not in {node["Node Type"] for node in _nodes(deep) if node["Plan Rows"] > listing.limit + 1}
    assert _pages(deep) <= _pages(first) * 1.2 + 20


@pytest.mark.parametrize("query", FILTERS, ids=[urlencode(query) for query in FILTERS])
async def test_a_filtered_and_sorted_page_is_found_by_an_index(million: Database, query: dict[str, str]) -> None:
    plan = await _plan(million, _listing(query))

    assert _reads_by_an_index(plan)


async def test_the_figures(million_url: str, million: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Medians over HTTP, for the record: nothing that is timed can fail."""
    async with million.connection() as connection:
        token = await create_token(connection, name="figures", permissions=["*"])
    section = ApiSection(database_url=SecretStr(million_url), port=0)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        api = Caller(url, token)
        queries: list[dict[str, str]] = [{}, *FILTERS]
        for sort in SORT_WORDS:
            queries += [{"sort": sort}, {"sort": sort, "cursor": write_cursor(await _deep(million, sort))}]
        lines = []
        for query in queries:
            shown = "&".join(f"{name}={'…' if name == 'cursor' else value}" for name, value in query.items())
            lines.append(f"{await _median_ms(api, query):8.1f} ms  {shown or '(no parameter)'}")
        await api.close()
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201 - the figures are for whoever runs it
    assert len(lines) == len(queries)


async def _median_ms(api: Caller, query: dict[str, str]) -> float:
    times = []
    for _ in range(7):
        began = perf_counter()
        reply = await api("GET", f"/v3/orders?{urlencode(query)}")
        times.append((perf_counter() - began) * 1_000)
        assert reply.status == 200, reply.content
    return statistics.median(times)
