"""Search: what is found by its parts is what a look at every order would find, whatever is written or erased."""

from typing import Any
from urllib.parse import urlencode

import pytest
from infra.bodies import customer, order
from infra.serving import Caller

from sendto.runtime.database import Database
from sendto_api.orders.cursors import Cursor, Sort, write_cursor
from sendto_api.orders.listing import SEARCH_TOTAL_MOST

BEFORE_ALL = write_cursor(Cursor(Sort("order_id", descending=False), 1, 1))
"""a cursor after an order that no test has: its pages come without a total, so that the sort is walked first"""
PEOPLE: list[dict[str, str]] = [
    {"first_name": "Ada", "last_name": "O'Hara-Ng", "email": "ada@shop.test", "telephone": "+44 20 7946 0958"},
    {"first_name": "Žofie", "last_name": "Ångström", "email": "z.a@x.test", "telephone": "(0)20/7946"},
    {"first_name": "李", "last_name": "小龍", "email": "dragon+lee@movie.test"},
    {"first_name": "Back\\slash", "last_name": "Per%cent_", "email": "odd'quote@x.test"},
    {"first_name": "aaa", "last_name": "aaaa", "email": "a@a.aa", "telephone": "0000000"},
]
TEXTS = [
    "a",
    "A",
    "aa",
    "aaa",
    "aaaa",
    "O'Hara",
    "'h",
    "'",
    "\\",
    "\\s",
    "%",
    "t_",
    "_",
    "ž",
    "ång",
    "ÅNGSTRÖM",
    "李",
    "龍",
    "小",
    "n+l",
    "@x.test",
    "test",
    "t",
    "7946",
    "46",
    "6",
    "/7",
    "(0)",
    "0958",
    "b",
    "zz",
    "x.tes",
    "x.test",
    ":*",
    "'aaa':*",
    "!",
    "lee@movie.tes",
]
TEXTS += ["ada o'", "李 小龍", "ha ra", "ada@shop.test +44", "g o", "& 'a'", "|"]

PAGES: list[tuple[dict[str, str], list[int]]] = [
    ({"status": "5", "sort": "order_total asc"}, [1_000, 2_000, 3_000]),
    ({"status": "5", "search": "x.test", "sort": "last_name desc"}, [10_000, 9_000, 8_000]),
    ({"location": "7", "sort": "order_id desc"}, [9_907, 9_807, 9_707]),
    ({"order_type": "delivery", "location": "7", "sort": "order_date_time asc"}, [7, 107, 207]),
    ({"modified_before": "2024-01-01T00:00:03Z", "sort": "order_id desc"}, [3, 2, 1]),
]
"""lists of the orders that `_fill` makes, and the first of each"""


async def _people(api: Caller) -> dict[int, dict[str, str]]:
    made = {}
    for person in PEOPLE:
        reply = await api("POST", "/v3/orders", order(**person))
        assert reply.status == 201, reply.content
        made[int(reply.json["order_id"])] = person
    return made


async def _found(api: Caller, **query: Any) -> list[int]:
    reply = await api("GET", f"/v3/orders?{urlencode(query)}")
    assert reply.status == 200, reply.content
    return [one["order_id"] for one in reply.json["data"]]


def _holds(person: dict[str, str], text: str) -> bool:
    fields = (f"{person['first_name']} {person['last_name']}", person["email"], person.get("telephone", ""))
    return any(text.lower() in field.lower() for field in fields)


async def test_a_search_finds_what_a_look_at_every_order_finds(api: Caller, api_database: Database) -> None:
    async with api_database.connection() as connection:
        await connection.execute("SELECT setval('order_id_seq', 900000)")  # ids hold no digits that are searched for
    people = await _people(api)

    for text in TEXTS:
        wanted = [order_id for order_id, person in people.items() if _holds(person, text)]
        assert await _found(api, search=text, sort="order_id asc") == wanted, text
        assert await _found(api, search=text, cursor=BEFORE_ALL) == wanted, text


async def test_an_order_that_is_named_by_its_id_is_found_once(api: Caller) -> None:
    [first, *_] = await _people(api)
    with_its_id = (await api("POST", "/v3/orders", order(telephone=f"0000000{first}"))).json["order_id"]

    for more in ({"sort": "order_id asc"}, {"cursor": write_cursor(Cursor(Sort("order_total", False), "-1", 1))}):
        found = await _found(api, search=first, **more)
        assert found.count(first) == 1
        assert with_its_id in found


async def test_a_search_follows_every_write_of_an_order(api: Caller, api_database: Database) -> None:
    [first, *others] = await _people(api)
    await api("PUT", f"/v3/orders/{first}/customer", customer())

    await api("PATCH", f"/v3/orders/{first}", {"last_name": "Lovelace", "telephone": None})
    assert await _found(api, search="lovelace") == [first]
    assert await _found(api, search="hara") == await _found(api, search="0958") == []
    await api("PATCH", f"/v3/orders/{first}", {"status_id": 4})
    assert await _found(api, search="ada love", status=4) == [first]

    async with api_database.connection() as connection:
        await connection.execute(
            """UPDATE "order" SET first_name = 'x', last_name = 'x', email = 'x' WHERE order_id = $1""", first
        )
        kept = await connection.fetchval("SELECT parts::text FROM order_search WHERE order_id = $1", first)
    assert await _found(api, search="lovelace") == []
    assert "lov" not in kept

    for order_id in (first, *others):
        await api("DELETE", f"/v3/orders/{order_id}")
    async with api_database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM order_search") == 0


async def test_page_numbers_of_a_search_end_where_its_total_does_and_the_cursor_goes_on(
    api: Caller, api_database: Database
) -> None:
    more = 30
    await _fill(api_database, SEARCH_TOTAL_MOST + more)

    last = (await api("GET", f"/v3/orders?search=x.test&pageLimit=100&page={SEARCH_TOTAL_MOST // 100}")).json
    behind = (await api("GET", last["links"]["next"])).json
    picked = (await api("GET", "/v3/orders?search=x.test&status=5")).json

    assert (last["meta"]["total"], last["meta"]["last_page"]) == (SEARCH_TOTAL_MOST, SEARCH_TOTAL_MOST // 100)
    assert "cursor=" in last["links"]["next"]
    assert [one["order_id"] for one in behind["data"]] == list(range(more, 0, -1))
    assert picked["meta"]["total"] == (SEARCH_TOTAL_MOST + more) // 1_000


@pytest.mark.api_settings(total_keep_s=3_600)
async def test_only_a_large_total_is_kept(api: Caller, api_database: Database) -> None:
    await _fill(api_database, SEARCH_TOTAL_MOST)
    await api("GET", "/v3/orders")

    await api("POST", "/v3/orders", order(order_type="collection"))

    assert (await api("GET", "/v3/orders")).json["meta"]["total"] == SEARCH_TOTAL_MOST
    assert (await api("GET", "/v3/orders?order_type=delivery")).json["meta"]["total"] == SEARCH_TOTAL_MOST
    for number in (1, 2):
        assert (await api("GET", "/v3/orders?order_type=collection")).json["meta"]["total"] == number
        await api("POST", "/v3/orders", order(order_type="collection"))


async def test_pages_follow_one_another_whether_they_are_walked_to_or_collected(
    api: Caller, api_database: Database
) -> None:
    await _fill(api_database, SEARCH_TOTAL_MOST)

    for query, wanted in PAGES:
        by_number = [number for page in (1, 2, 3) for number in await _found(api, **query, pageLimit=1, page=page)]
        by_cursor, more = [], dict[str, str]()
        for _ in wanted:
            page = (await api("GET", f"/v3/orders?{urlencode(query | {'pageLimit': '1'} | more)}")).json
            by_cursor += [one["order_id"] for one in page["data"]]
            more = {"cursor": page["meta"]["next_cursor"]}
        assert by_number == by_cursor == wanted, query


async def _fill(database: Database, orders: int) -> None:
    async with database.connection() as connection:
        await connection.execute(_FILL, orders)
        await connection.execute("SELECT setval('order_id_seq', $1)", orders)


_FILL = """
INSERT INTO "order" (order_id, version, location_id, first_name, last_name, email, comment, order_type, order_date_time,
    processed, total_items, order_total, currency, status_id, hash, date_added, date_modified)
SELECT n, n, n % 100, 'First', 'Name', 'buyer' || n || '@x.test', '', 'delivery', timestamptz '2024-01-01Z', true, 1, n,
    'GBP', CASE WHEN n % 1000 = 0 THEN 5 END, md5(n::text), timestamptz '2024-01-01Z',
    timestamptz '2024-01-01Z' + n * interval '1 second'
FROM generate_series(1, $1::int) n
"""
