"""The list of orders: filters, order, pages, cursors, what is joined."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from infra.bodies import customer, order
from infra.serving import Caller

from sendto.runtime.database import Database

BASE = datetime(2024, 1, 1, 12, tzinfo=UTC)


async def _list(api: Caller, path: str = "/v3/orders", **query: Any) -> Any:
    reply = await api("GET", f"{path}?{urlencode(query)}")
    assert reply.status == 200, reply.content
    return reply.json


async def _ids(api: Caller, **query: Any) -> list[int]:
    return [one["order_id"] for one in (await _list(api, **query))["data"]]


async def _make(api: Caller, **more: Any) -> int:
    reply = await api("POST", "/v3/orders", order(**more))
    assert reply.status == 201, reply.content
    return int(reply.json["order_id"])


@pytest.fixture
async def seven(api: Caller) -> list[int]:
    """Seven orders that differ in everything that can be asked for."""
    return [
        await _make(
            api,
            last_name=f"Name {number % 3}",
            order_date_time=f"2024-01-0{number} 10:00:00",
            order_total=number * 1.5,
            status_id=[1, 2, None][number % 3],
            customer_id=number % 2 + 1,
            location_id=number,
            assignee_id=5 if number == 4 else None,
            order_type="collection" if number == 7 else "delivery",
        )
        for number in range(1, 8)
    ]


async def test_the_newest_come_first_and_the_envelope_tells_where_we_are(api: Caller, seven: list[int]) -> None:
    first = await _list(api, pageLimit=3)
    last = await _list(api, pageLimit=3, page=3)

    assert [one["order_id"] for one in first["data"]] == seven[:3:-1]
    assert [one["order_id"] for one in last["data"]] == seven[:1]
    assert first["links"] == {
        "first": "/v3/orders?pageLimit=3&page=1",
        "last": "/v3/orders?pageLimit=3&page=3",
        "prev": None,
        "next": "/v3/orders?pageLimit=3&page=2",
    }
    cursor = first["meta"].pop("next_cursor")
    assert cursor
    assert first["meta"] == {
        "current_page": 1,
        "from": 1,
        "last_page": 3,
        "path": "/v3/orders",
        "per_page": 3,
        "to": 3,
        "total": 7,
    }
    assert (last["meta"]["from"], last["meta"]["to"], last["meta"]["next_cursor"]) == (7, 7, None)
    assert (last["links"]["prev"], last["links"]["next"]) == ("/v3/orders?pageLimit=3&page=2", None)


async def test_without_orders_there_is_one_empty_page(api: Caller) -> None:
    page = await _list(api, path="/api/orders")

    assert page["data"] == []
    assert page["meta"] == {
        "current_page": 1,
        "from": None,
        "last_page": 1,
        "path": "/api/orders",
        "per_page": 20,
        "to": None,
        "total": 0,
        "next_cursor": None,
    }


async def test_a_page_behind_the_last_is_empty(api: Caller, seven: list[int]) -> None:
    page = await _list(api, page=1_000_000)

    assert page["data"] == []
    assert page["meta"]["total"] == len(seven)
    assert page["links"]["prev"] == "/v3/orders?page=1"


async def test_both_names_of_the_page_size_mean_the_same(api: Caller, seven: list[int]) -> None:
    assert await _ids(api, per_page=2) == await _ids(api, pageLimit=2) == seven[:4:-1]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"customer": "1"}, [2, 4, 6]),
        ({"customer": "1, 2"}, [1, 2, 3, 4, 5, 6, 7]),
        ({"location": "3,5,99"}, [3, 5]),
        ({"status": "2"}, [1, 4, 7]),
        ({"status": "1,2"}, [1, 3, 4, 6, 7]),
        ({"assignee": "5"}, [4]),
        ({"order_type": "collection"}, [7]),
        ({"customer": "77"}, []),
        ({"status": "4"}, []),
        ({"dateTimeFilter[startAt]": "2024-01-03 10:00:00", "dateTimeFilter[endAt]": "2024-01-05 10:00:00"}, [3, 4, 5]),
        ({"dateTimeFilter[startAt]": "2024-01-03T10:00:01Z", "dateTimeFilter[endAt]": "2024-01-05"}, [4, 5]),
        ({"dateTimeFilter[endAt]": "2024-01-01T11:00:00+01:00"}, [1]),
        ({"location": "1,2,3,4", "order_type": "delivery", "status": "2"}, [1, 4]),
    ],
)
async def test_filters_pick(api: Caller, seven: list[int], query: dict[str, str], wanted: list[int]) -> None:
    assert await _ids(api, sort="order_id asc", **query) == [seven[number - 1] for number in wanted]


async def test_modified_after_is_exclusive_and_before_inclusive(
    api: Caller, seven: list[int], api_database: Database
) -> None:
    async with api_database.connection() as connection:
        for number, order_id in enumerate(seven):
            at = BASE + timedelta(hours=number)
            await connection.execute('UPDATE "order" SET date_modified = $2 WHERE order_id = $1', order_id, at)

    after, before = "2024-01-01T13:00:00Z", "2024-01-01 15:00:00"

    assert await _ids(api, sort="date_modified asc", modified_after=after, modified_before=before) == seven[2:4]


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("order_id", lambda one: one["order_id"]),
        ("order_date_time", lambda one: one["order_date_time"]),
        ("date_added", lambda one: one["order_id"]),
        ("date_modified", lambda one: one["order_id"]),
        ("order_total", lambda one: one["order_total"]),
        ("status_id", lambda one: one["status_id"] or 0),
        ("last_name", lambda one: one["last_name"]),
    ],
)
@pytest.mark.parametrize("direction", ["", " asc", " desc"])
async def test_every_sort_has_both_directions_and_ties_go_by_the_id(
    api: Caller, seven: list[int], sort: str, value: Callable[[dict[str, Any]], Any], direction: str
) -> None:
    page = await _list(api, sort=f"{sort}{direction}")

    listed = page["data"]
    by_hand = sorted(listed, key=lambda one: (value(one), one["order_id"]), reverse=direction == " desc")
    assert [one["order_id"] for one in listed] == [one["order_id"] for one in by_hand]
    assert len(listed) == len(seven)


@pytest.mark.parametrize("sort", ["order_id desc", "order_total asc", "status_id desc", "last_name asc", "date_added"])
async def test_cursors_lead_through_the_whole_list_once(api: Caller, seven: list[int], sort: str) -> None:
    whole = await _ids(api, sort=sort)
    page = await _list(api, sort=sort, pageLimit=2)
    walked = [one["order_id"] for one in page["data"]]

    while page["meta"]["next_cursor"]:
        page = await _list(api, sort=sort, pageLimit=2, cursor=page["meta"]["next_cursor"])
        walked += [one["order_id"] for one in page["data"]]
        counted = {name: page["meta"][name] for name in ("total", "current_page", "from", "to", "last_page")}
        assert set(counted.values()) == {None}

    assert walked == whole
    assert sorted(walked) == seven
    assert page["links"]["next"] is None


async def test_one_of_several_values_may_also_be_given_by_repeating_the_parameter(
    api: Caller, seven: list[int]
) -> None:
    reply = await api("GET", "/v3/orders?location=3&location=5,1&include=address&include=customer&sort=order_id")
    repeated = [one["order_id"] for one in reply.json["data"]]
    wrong = await api("GET", "/v3/orders?location=3&location=x")

    assert repeated == [seven[0], seven[2], seven[4]]
    assert (wrong.status, list(wrong.json["errors"])) == (400, ["location"])


async def test_links_lead_on_with_the_same_filters(api: Caller, seven: list[int]) -> None:
    page = await _list(api, customer="2", sort="order_total asc", pageLimit=2)
    by_page = (await api("GET", page["links"]["next"])).json
    by_cursor = await _list(api, customer="2", sort="order_total asc", pageLimit=2, cursor=page["meta"]["next_cursor"])

    assert [one["order_id"] for one in by_page["data"]] == [seven[4], seven[6]]
    assert by_cursor["data"] == by_page["data"]


async def test_an_order_that_comes_between_disturbs_no_cursor(api: Caller, seven: list[int]) -> None:
    page = await _list(api, pageLimit=3)
    await _make(api)

    following = await _list(api, pageLimit=3, cursor=page["meta"]["next_cursor"])

    assert [one["order_id"] for one in following["data"]] == seven[3:0:-1]


async def test_search_takes_every_character_literally_and_looks_at_names_email_and_telephone(api: Caller) -> None:
    ada = await _make(api, first_name="Ada", last_name="Löve_lace", email="ada@shop.test", telephone="+44 30 7946")
    bob = await _make(api, first_name="Bob", last_name="100%", email="bob@Other.test")

    assert await _ids(api, search="LÖVE") == [ada]
    assert await _ids(api, search="da löve_") == [ada]
    assert await _ids(api, search="_") == [ada]
    assert await _ids(api, search="%") == [bob]
    assert await _ids(api, search="other.TEST") == [bob]
    assert await _ids(api, search="7946") == [ada]
    assert await _ids(api, search=str(bob)) == [bob]
    assert await _ids(api, search="\\") == []
    assert await _ids(api, search="lace ada") == []
    assert await _ids(api, search=" ") == [bob, ada]
    assert await _ids(api, search="9" * 100) == []


async def test_what_is_included_is_joined_and_nothing_else(api: Caller) -> None:
    with_all = await _make(
        api, customer=customer(), address={"city": "London", "country": "GB"}, status_id=1, notify=True
    )
    await api("PATCH", f"/v3/orders/{with_all}", {"status_id": 3, "assignee_id": 9})
    bare = await _make(api)

    [plain, _] = (await _list(api))["data"]
    [nothing, everything] = (await _list(api, include="customer,address,status_history"))["data"]

    assert {"customer", "address", "status_history"}.isdisjoint(plain)
    assert (nothing["order_id"], nothing["customer"], nothing["address"], nothing["status_history"]) == (
        bare,
        None,
        None,
        [],
    )
    assert everything["customer"] == (await api("GET", f"/v3/orders/{with_all}/customer")).json
    assert everything["address"]["city"] == "London"
    assert everything["address"]["address_id"] == everything["address_id"]
    assert [(one["status_id"], one["notify"], one["assignee_id"]) for one in everything["status_history"]] == [
        (1, True, None),
        (3, True, 9),
    ]
    assert set(everything["status_history"][0]) == {"status_id", "comment", "notify", "assignee_id", "date_added"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=one", "page"),
        ("page=", "page"),
        ("pageLimit=0", "pageLimit"),
        ("pageLimit=101", "pageLimit"),
        ("per_page=101", "per_page"),
        ("customer=x", "customer"),
        ("customer=1,,2", "customer"),
        ("location=0", "location"),
        ("status=1.5", "status"),
        ("assignee=1,2", "assignee"),
        ("order_type=pickup", "order_type"),
        ("search=" + "x" * 101, "search"),
        ("search=a%00b", "search"),
        ("sort=price", "sort"),
        ("sort=order_id%20up", "sort"),
        ("include=menus", "include"),
        ("include=", "include"),
        ("cursor=xyz", "cursor"),
        ("dateTimeFilter[startAt]=yesterday", "dateTimeFilter[startAt]"),
        ("dateTimeFilter[endAt]=2024-02-30", "dateTimeFilter[endAt]"),
        ("modified_after=2024", "modified_after"),
        ("modified_before=" + quote("2024-01-01 25:00:00"), "modified_before"),
        ("page=1&page=2", "page"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Caller, query: str, parameter: str) -> None:
    reply = await api("GET", f"/v3/orders?{query}")

    assert reply.status == 400
    assert list(reply.json["errors"]) == [parameter]


async def test_a_cursor_belongs_to_its_sort(api: Caller, seven: list[int]) -> None:
    cursor = (await _list(api, sort="order_total asc", pageLimit=2))["meta"]["next_cursor"]

    refused = await api("GET", f"/v3/orders?sort=order_id&cursor={cursor}")
    taken = await _ids(api, cursor=cursor, pageLimit=2)

    assert (refused.status, list(refused.json["errors"])) == (400, ["cursor"])
    assert taken == seven[2:4]
