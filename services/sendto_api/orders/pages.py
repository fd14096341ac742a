"""A page of orders as the answer carries it: the envelope with its links. Pure."""

from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import QueryParams

from sendto_api.customers.schemas import customer_object
from sendto_api.orders.cursors import write_cursor
from sendto_api.orders.list_store import Listed
from sendto_api.orders.listing import Listing
from sendto_api.orders.schemas import ListedOrder, order_summary, status_object


class PageLinks(BaseModel):
    """Where to go from here: paths with their query. After a cursor there is no way back but to the first page."""

    first: str
    last: str | None
    prev: str | None
    next: str | None


class PageMeta(BaseModel):
    """Where we are. What would have to be counted is null after a cursor."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    current_page: int | None
    from_: Annotated[int | None, Field(alias="from")]
    last_page: int | None
    path: str
    per_page: int
    to: int | None
    total: int | None
    next_cursor: str | None
    """the place after this page, for `cursor`; null on the last page"""


class OrderPage(BaseModel):
    """A page of a list."""

    data: list[ListedOrder]
    links: PageLinks
    meta: PageMeta


def page_object(
    listing: Listing, listed: list[Listed], *, more: bool, total: int | None, path: str, query: QueryParams, zone: str
) -> dict[str, Any]:
    """The envelope.

    Args:
        listing: what was asked for.
        listed: the orders of the page.
        more: whether there are more after it.
        total: how many there are in all; None after a cursor.
        path: the list's path.
        query: the parameters of the request.
        zone: the site's time zone.
    """
    next_cursor = write_cursor(listed[-1].cursor) if more and listed else None
    last = None if total is None else max(1, -(-total // listing.limit))
    counted = bool(listed) and total is not None
    page = listing.page

    def link(**changes: object) -> str:
        rest = [(name, value) for name, value in query.multi_items() if name not in {"page", "cursor"}]
        return f"{path}?{urlencode([*rest, *changes.items()])}"

    after_cursor = link(cursor=next_cursor) if next_cursor else None
    return {
        "data": [_listed(one, listing.includes, zone) for one in listed],
        "links": {
            "first": link(page=1),
            "last": link(page=last) if last else None,
            "prev": link(page=min(page - 1, last)) if last and page > 1 else None,
            # Behind the last page that was counted only the cursor leads on.
            "next": link(page=page + 1) if more and last and page < last else after_cursor,
        },
        "meta": {
            "current_page": page if last else None,
            "from": listing.offset + 1 if counted else None,
            "last_page": last,
            "path": path,
            "per_page": listing.limit,
            "to": listing.offset + len(listed) if counted else None,
            "total": total,
            "next_cursor": next_cursor,
        },
    }


def _listed(one: Listed, includes: frozenset[str], zone: str) -> dict[str, Any]:
    body = order_summary(one.order, zone)
    order_id = body["order_id"]
    if "address" in includes:
        body["address"] = one.order["address"]
    if "customer" in includes:
        body["customer"] = customer_object(order_id, one.customer) if one.customer else None
    if "status_history" in includes:
        body["status_history"] = [status_object(status, zone) for status in one.history]
    return body
