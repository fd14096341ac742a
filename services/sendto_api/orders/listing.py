"""What a caller wants of the list of orders: filters, order, page. Pure, but for the request that it is read from."""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from sendto_api.http.fields import ID_MAX
from sendto_api.http.queries import Query, number, numbers, short_text, word, words
from sendto_api.http.times import parse_moment
from sendto_api.orders.cursors import SORTS, Cursor, Sort, read_cursor
from sendto_api.orders.schemas import ORDER_TYPES

INCLUDES = ("customer", "address", "status_history")
DIRECTIONS = ("asc", "desc")
SORT_WORDS = tuple(f"{name}{direction}" for name in SORTS for direction in ("", *(f" {one}" for one in DIRECTIONS)))
DEFAULT_SORT = Sort("order_id", descending=True)
SEARCH_TOTAL_MOST = 10_000
"""as many of the orders that a search finds are counted, and reached by page numbers; a cursor goes on"""
PAGE_MOST, LIMIT_MOST, LIMIT_DEFAULT, SEARCH_MOST = 10**12, 100, 20, 100
STARTS, ENDS = "dateTimeFilter[startAt]", "dateTimeFilter[endAt]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which orders are wanted; None does not ask."""

    customers: tuple[int, ...] | None
    locations: tuple[int, ...] | None
    statuses: tuple[int, ...] | None
    assignee: int | None
    order_type: str | None
    search: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    modified_after: datetime | None
    modified_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of a list. With a cursor, `page` says nothing."""

    filters: Filters
    sort: Sort
    page: int
    limit: int
    cursor: Cursor | None
    includes: frozenset[str]

    @property
    def offset(self) -> int:
        """How many orders come before the page."""
        return (self.page - 1) * self.limit


def read_listing(request: Request, zone: str) -> Listing:
    """What the request's query asks for.

    Raises:
        Problem: 400 naming each parameter that is wrong.
    """
    query = Query(request)
    filters = Filters(
        customers=query.read("customer", numbers, several=True),
        locations=query.read("location", numbers, several=True),
        statuses=query.read("status", numbers, several=True),
        assignee=query.read("assignee", number(1, ID_MAX)),
        order_type=query.read("order_type", word(ORDER_TYPES)),
        search=query.read("search", short_text(SEARCH_MOST)) or None,
        starts_at=query.read(STARTS, lambda text: parse_moment(text, zone)),
        ends_at=query.read(ENDS, lambda text: parse_moment(text, zone, day_ends=True)),
        modified_after=query.read("modified_after", lambda text: parse_moment(text, zone)),
        modified_before=query.read("modified_before", lambda text: parse_moment(text, zone)),
    )
    sort = query.read("sort", _sort)
    per_page = query.read("per_page", number(1, LIMIT_MOST))
    listing = Listing(
        filters=filters,
        page=query.read("page", number(1, PAGE_MOST)) or 1,
        limit=query.read("pageLimit", number(1, LIMIT_MOST)) or per_page or LIMIT_DEFAULT,
        cursor=(cursor := query.read("cursor", lambda text: _cursor(text, sort))),
        sort=cursor.sort if cursor else sort or DEFAULT_SORT,
        includes=frozenset(query.read("include", words(INCLUDES), several=True) or ()),
    )
    query.done()
    return listing


def _sort(text: str) -> Sort:
    name, _, direction = word(SORT_WORDS)(text).partition(" ")
    return Sort(name, descending=direction == "desc")


def _cursor(text: str, sort: Sort | None) -> Cursor:
    cursor = read_cursor(text)
    if sort is not None and sort != cursor.sort:
        raise ValueError("is of a list with another sort")
    return cursor
