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
from infra.postgres import Databases, connected, take_your_time
from infra.serving import Caller, served
from pydantic import SecretStr

from sendto.runtime.database import Database
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.erasure.store import OF_PERSON
from sendto_api.orders.cursors import SORTS, Cursor, write_cursor
from sendto_api.orders.find_store import SORT_EXPRESSIONS
from sendto_api.orders.list_store import count_statement, page_statement
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
    {"location": "7", "sort": "last_name asc"},
    {"location": "1,2,3,4", "status": "9", "sort": "order_total asc"},
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
    {"status": "1", "sort": "last_name asc"},
    {"dateTimeFilter[startAt]": "2024-03-01", "dateTimeFilter[endAt]": "2024-03-02", "sort": "order_id desc"},
    {"modified_before": "2024-01-10", "sort": "order_id desc"},
    {"modified_after": "2024-12-10", "sort": "order_id asc"},
    {"status": "2", "order_type": "collection", "location": "1,2,3", "sort": "order_id desc"},
    {"search": "shop.test", "sort": "order_id desc"},
    {"search": "a", "sort": "last_name asc"},
    {"search": "name 77", "sort": "order_id desc"},
    {"search": "name 4711", "sort": "order_total asc"},
    {"search": "buyer99999@", "sort": "order_id desc"},
    {"search": "99999", "sort": "date_added asc"},
    {"search": "nobody at all", "sort": "order_id desc"},
    {"search": "zq", "sort": "order_id desc"},
    {"search": "shop.test", "status": "1", "sort": "order_total desc"},
]
MOST_BLOCKS = 25_000
"""blocks of 8 KiB that a page may look at: for the walk and what is collected; all orders would be far more"""
MOST_COVERED_BLOCKS = 1_500
"""where an index holds all that is asked: its own, and those of the page's orders"""
COUNTS = [
    {"status": "9"},
    {"location": "7"},
    {"assignee": "12"},
    {"status": "5", "location": "3"},
    {"order_type": "delivery"},
    {"modified_before": "2024-03-10"},
]
_FILL = """
INSERT INTO "order" (order_id, version, customer_id, location_id, first_name, last_name, email, comment, order_type,
    order_date_time, processed, total_items, order_total, currency, status_id, assignee_id, hash, date_added,
    date_modified)
SELECT n, n, 1 + n % 50000, 1 + n % 200, 'First', 'Name ' || n % 5000, 'buyer' || n || '@shop.test', '',
    CASE WHEN n % 10 = 0 THEN 'collection' ELSE 'delivery' END, added + n % 1440 * interval '1 minute', true, 1,
    n * 31 % 100000 / 100.0, 'GBP', CASE WHEN n > $1 - 5000 THEN 1 + n % 4 WHEN n % 7 = 0 THEN 9 ELSE 5 END,
    CASE WHEN n % 2 = 0 THEN n % 1000 END, md5(n::text), added, added + (n::bigint * 6101 % 86400) * interval '1 second'
FROM (SELECT n, timestamptz '2024-01-01' + n * interval '30 seconds' AS added FROM generate_series(1, $1::int) n) o
"""
"""as orders are: their times rise with their ids, and only the newest are not yet completed or canceled"""
_FILL_CUSTOMERS = """
INSERT INTO customer (order_id, first_name, last_name, email, created_at, updated_at)
SELECT n, 'First', 'Name', CASE n WHEN 1 THEN 'Buyer4711@Shop.test' ELSE 'customer' || n || '@shop.test' END, now(),
    now()
FROM generate_series(1, $1::int) n
"""


@pytest.fixture(scope="module")
async def million_url(databases: Databases) -> AsyncIterator[str]:
    """A database with a million orders."""
    async with databases.migrated("api") as url:
        async with connected(url) as database:
            connection = await database.direct()
            await take_your_time(connection)
            await connection.execute(_FILL, ORDERS, timeout=1_200)
            await connection.execute(_FILL_CUSTOMERS, ORDERS, timeout=1_200)
            await connection.execute('VACUUM ANALYZE "order", order_search, customer', timeout=1_200)
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


async def _plan(database: Database, listing: Listing, total: int | None = None) -> dict[str, Any]:
    return await _explained(database, *page_statement(listing, total))


async def _explained(database: Database, statement: str, values: list[Any]) -> dict[str, Any]:
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
    """What is in the plan but was not carried out (the other way to the page) does not count."""
    nodes = [node for node in _nodes(plan) if node["Actual Loops"]]
    tables = {"order", "order_search"}
    scanned = [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables]
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
    listing = _listing(query)
    statement, values = count_statement(listing.filters)
    async with million.connection() as connection:
        total = await connection.fetchval(statement, *values)

    for known in (total, None):
        plan = await _plan(million, listing, known)
        assert _reads_by_an_index(plan)
        assert _pages(plan) < MOST_BLOCKS


@pytest.mark.parametrize("query", [query for query in FILTERS if query.keys() & {"location", "assignee"}])
async def test_some_thousand_matches_are_sorted_without_looking_at_them(
    million: Database, query: dict[str, str]
) -> None:
    listing = _listing(query)
    statement, values = count_statement(listing.filters)
    async with million.connection() as connection:
        total = await connection.fetchval(statement, *values)

    assert total < 20_000
    assert _pages(await _plan(million, listing, total)) < MOST_COVERED_BLOCKS


@pytest.mark.parametrize("query", COUNTS, ids=[urlencode(query) for query in COUNTS])
async def test_a_count_looks_at_no_order(million: Database, query: dict[str, str]) -> None:
    plan = await _explained(million, *count_statement(_listing(query).filters))

    scans = [node["Node Type"] for node in _nodes(plan) if "Scan" in node["Node Type"]]
    assert scans == ["Index Only Scan"]


@pytest.mark.parametrize("query", [query for query in FILTERS if "search" in query])
async def test_a_search_is_counted_by_an_index(million: Database, query: dict[str, str]) -> None:
    plan = await _explained(million, *count_statement(_listing(query).filters))

    assert _reads_by_an_index(plan)
    assert _pages(plan) < MOST_BLOCKS


async def test_the_orders_of_a_person_are_found_by_indexes(million: Database) -> None:
    plan = await _explained(million, OF_PERSON, ["BUYER4711@shop.test", 100])

    assert plan["Actual Rows"] == 2
    assert {node["Relation Name"] for node in _nodes(plan) if node["Node Type"] == "Seq Scan"} == set()
    assert _pages(plan) < MOST_BLOCKS


async def test_the_figures(million_url: str, million: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Over HTTP, for the record: nothing that is timed can fail."""
    async with million.connection() as connection:
        token = await create_token(connection, name="figures", permissions=["*"])
    section = ApiSection(database_url=SecretStr(million_url), port=0)
    async with served(Api(ApiSettings(api=section), Supervisor()).app()) as url:
        api = Caller(url, token)
        queries: list[dict[str, str]] = [{}, {"page": "10000"}, *FILTERS]
        for sort in SORT_WORDS:
            queries += [{"sort": sort}, {"sort": sort, "cursor": write_cursor(await _deep(million, sort))}]
        lines = []
        for query in queries:
            shown = "&".join(f"{name}={'…' if name == 'cursor' else value}" for name, value in query.items())
            first_ms, again_ms = await _milliseconds(api, query)
            lines.append(f"{first_ms:8.1f} ms, again {again_ms:8.1f} ms  {shown or '(no parameter)'}")
        await api.close()
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201 - the figures are for whoever runs it
    assert len(lines) == len(queries)


async def _milliseconds(api: Caller, query: dict[str, str]) -> tuple[float, float]:
    """The first answer, which counts, and the median of those that follow."""
    times = []
    for _ in range(8):
        began = perf_counter()
        reply = await api("GET", f"/v3/orders?{urlencode(query)}")
        times.append((perf_counter() - began) * 1_000)
        assert reply.status == 200, reply.content
    return times[0], statistics.median(times[1:])
