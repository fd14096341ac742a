"""What finds orders, as SQL: the conditions of filters, the sorts, the place of a cursor. Pure."""

from typing import Any

from sendto_api.http.fields import ID_MAX
from sendto_api.orders.cursors import Cursor, Sort
from sendto_api.orders.listing import Filters

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
_TEXT = "order_text(o.first_name, o.last_name, o.email, o.telephone)"


class Finding:
    """The conditions of one look for orders, and their parameters."""

    def __init__(self, filters: Filters, cursor: Cursor | None = None) -> None:
        self.values: list[Any] = []
        self._filters = filters
        self._search = filters.search
        self._picked = [sql.format(self._value(given)) for sql, given in _asked(filters)]
        self._after = [] if cursor is None else [self._behind(cursor)]

    @property
    def filters_nothing(self) -> bool:
        """Whether every order is wanted."""
        return not self._picked and self._search is None

    @property
    def picks(self) -> bool:
        """Whether anything but a text is asked for."""
        return bool(self._picked)

    @property
    def covered(self) -> bool:
        """Whether an index finds what is wanted and holds all that is asked of it: no order has to be looked at."""
        return self._search is None and (self._filters.locations is not None or self._filters.assignee is not None)

    def filtered(self) -> str:
        """The condition of the filters, for an order that is looked at."""
        return _all([*self._picked, *self._holds()])

    def place(self, sort: Sort) -> str:
        """The condition that an order lies after the cursor; with a filter whose index has this very sort, if any."""
        return _all([*self._after, *(self._own() if sort.name == "order_id" else [])])

    def matches(self, columns: str) -> str:
        """A query for all that match, in any order.

        What a text is in, is found by its parts, then looked at: how many orders have all parts the planner can guess,
        how many have the text it cannot.
        """
        picked = [*self._picked, *self._after]
        if self._search is None:
            return f'SELECT {columns} FROM "order" o WHERE {_all(picked)}'
        parts = f"s.parts @@ order_text_query(lower({self._value(self._search)}))"
        found = 'SELECT o.* FROM order_search s JOIN "order" o ON o.order_id = s.order_id WHERE '
        if not _is_id(self._search):
            return f"SELECT {columns} FROM ({found}{_all([parts, *picked])} OFFSET 0) o WHERE {_all(self._holds())}"
        number = f"{self._value(int(self._search))}::bigint"
        others = f"{found}{_all([parts, f'o.order_id <> {number}', *picked])} OFFSET 0"
        itself = f'SELECT o.* FROM "order" o WHERE {_all([f"o.order_id = {number}", *picked])}'
        return f"SELECT {columns} FROM (({others}) UNION ALL ({itself})) o WHERE {_all(self._holds())}"

    def _own(self) -> list[str]:
        ids = {
            "o.customer_id": self._filters.customers,
            "o.location_id": self._filters.locations,
            "coalesce(o.status_id, 0)": self._filters.statuses,
            "o.assignee_id": (self._filters.assignee,) if self._filters.assignee else None,
        }
        single = [(column, given[0]) for column, given in ids.items() if given is not None and len(given) == 1]
        return [f"{column} = {self._value(number)}::bigint" for column, number in single[:1]]

    def _holds(self) -> list[str]:
        """Whether an order's texts hold the one that is searched for, every character of it literally."""
        text = self._search
        if text is None:
            return []
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        part = f"{_TEXT} LIKE '%' || lower({self._value(escaped)}) || '%'"
        return [f"({part} OR o.order_id = {self._value(int(text))}::bigint)" if _is_id(text) else part]

    def _behind(self, cursor: Cursor) -> str:
        sign = "<" if cursor.sort.descending else ">"
        if cursor.sort.name == "order_id":
            return f"o.order_id {sign} {self._value(cursor.order_id)}"
        place = f"{self._value(cursor.value)}, {self._value(cursor.order_id)}"
        return f"({SORT_EXPRESSIONS[cursor.sort.name]}, o.order_id) {sign} ({place})"

    def _value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def _asked(filters: Filters) -> list[tuple[str, object]]:
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
    return [(sql, value) for sql, value in asked if value is not None]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= ID_MAX


def _all(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "true"
