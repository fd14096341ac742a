"""Pages of lanes, at a cost that does not grow with the table or with the page's depth.

Each listing follows an index, from where the last page ended. A filter that no index knows is applied to a bounded
stretch of it: a page may then be short, or empty, and still have a next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.lane import Resting

STRETCH = 2_000
"""the most lanes that one page looks at"""
_FEW = 2
"""times as many lanes as fill a page are looked at first: mostly they do"""

OPS_SESSION = {"enable_bitmapscan": "off"}
"""of connections of those who look: a page follows an index, and stops; PostgreSQL would rather collect all and sort"""

_BEHIND = "behind"
_RESTING = "resting"
_ALL = "all"

# What is to be done next comes first, of each provider by the index of due lanes. What only waits to be confirmed is
# not behind. Of two columns compared as a row PostgreSQL believes that hardly any pass: it would sort all that are due.
_BEHIND_STRETCH = """
SELECT l.id, l.due_at, l.reason, l.changed_at, l.behind_since, l.resting, l.lease_token, l.unconfirmed
FROM unnest($1::text[]) AS p(provider) CROSS JOIN (VALUES (false), (true)) AS h(hanging) CROSS JOIN LATERAL (
    SELECT * FROM lane
    WHERE lane.provider = p.provider AND lane.hanging = h.hanging AND due_at IS NOT NULL
        AND due_at >= coalesce($2::timestamptz, '-infinity')
        AND (due_at > coalesce($2::timestamptz, '-infinity') OR id > $3)
    ORDER BY due_at, id LIMIT $4
) AS l ORDER BY l.due_at, l.id LIMIT $4
"""
_RESTING_STRETCH = """
SELECT l.id, NULL::timestamptz AS due_at, l.reason, l.changed_at, l.behind_since, l.resting, l.lease_token,
    l.unconfirmed
FROM unnest($1::text[]) AS p(provider) CROSS JOIN unnest($5::text[]) AS r(resting) CROSS JOIN LATERAL (
    SELECT * FROM lane
    WHERE lane.provider = p.provider AND lane.resting = r.resting AND $2::timestamptz IS NULL AND id > $3
    ORDER BY id LIMIT $4
) AS l ORDER BY l.id LIMIT $4
"""
_ALL_STRETCH = """
SELECT id, NULL::timestamptz AS due_at, reason, changed_at, behind_since, resting, lease_token, unconfirmed, provider
FROM lane WHERE $2::timestamptz IS NULL AND id > $3 ORDER BY id LIMIT $4
"""
_PAGE = """
WITH stretch AS MATERIALIZED ({stretch}), chosen AS (
    SELECT id, due_at FROM stretch WHERE {conditions} ORDER BY due_at, id LIMIT {limit}
), last AS (
    SELECT due_at, id FROM stretch ORDER BY due_at DESC, id DESC LIMIT 1
)
SELECT (SELECT array_agg(id ORDER BY due_at, id) FROM chosen) AS ids,
    (SELECT count(*) FROM stretch) AS looked_at,
    (SELECT due_at FROM chosen ORDER BY due_at DESC, id DESC LIMIT 1) AS chosen_due_at,
    (SELECT due_at FROM last) AS last_due_at, (SELECT id FROM last) AS last_id
"""


class ListedState(StrEnum):
    """What lanes can be listed by."""

    BEHIND = "behind"
    """everything that is under way"""
    DUE = "due"
    WAITING = "waiting"
    LEASED = "leased"
    RESTING = "resting"
    """everything that was given up"""
    DEAD = "dead"
    UNKNOWN = "unknown"
    TAKEN = "taken"
    UNSUPPORTED = "unsupported"
    SHADOW = "shadow"
    CONVERGED = "converged"
    UNCONFIRMED = "unconfirmed"
    ALL = "all"


_STATES = {
    ListedState.BEHIND: (_BEHIND, "behind_since IS NOT NULL"),
    ListedState.DUE: (_BEHIND, "behind_since IS NOT NULL AND due_at <= clock_timestamp()"),
    ListedState.WAITING: (_BEHIND, "behind_since IS NOT NULL AND lease_token IS NULL AND due_at > clock_timestamp()"),
    ListedState.LEASED: (_BEHIND, "lease_token IS NOT NULL AND due_at > clock_timestamp()"),
    ListedState.RESTING: (_RESTING, "true"),
    ListedState.DEAD: (_RESTING, "true"),
    ListedState.UNKNOWN: (_RESTING, "true"),
    ListedState.TAKEN: (_RESTING, "true"),
    ListedState.UNSUPPORTED: (_RESTING, "true"),
    ListedState.SHADOW: (_RESTING, "true"),
    ListedState.CONVERGED: (_ALL, "behind_since IS NULL AND resting IS NULL AND NOT unconfirmed"),
    ListedState.UNCONFIRMED: (_ALL, "behind_since IS NULL AND resting IS NULL AND unconfirmed"),
    ListedState.ALL: (_ALL, "true"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the last lane that was looked at."""

    id: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which lanes to list; `providers` are asked one by one."""

    providers: Sequence[str]
    state: ListedState
    reason: str | None = None
    behind_for_s: float | None = None
    after: Place = Place()
    limit: int


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of lanes, and where the next page begins; None at the end."""

    lane_ids: list[int]
    next: Place | None


async def list_lanes(connection: Connection, listing: Listing) -> Page:
    """One page."""
    order, state_condition = _STATES[listing.state]
    filtered = order == _ALL or listing.reason or listing.behind_for_s or state_condition != "true"
    page = await _look(connection, listing, listing.limit * _FEW if filtered else listing.limit)
    if filtered and page.next is not None and len(page.lane_ids) < listing.limit:
        return await _look(connection, listing, STRETCH)
    return page


async def _look(connection: Connection, listing: Listing, stretch_lanes: int) -> Page:
    order, state_condition = _STATES[listing.state]
    arguments: list[object] = [list(listing.providers), listing.after.due_at, listing.after.id, stretch_lanes]
    conditions = [state_condition]
    match order:
        case "behind":
            stretch = _BEHIND_STRETCH
        case "resting":
            stretch = _RESTING_STRETCH
            arguments.append(
                [str(r) for r in Resting] if listing.state is ListedState.RESTING else [str(listing.state)]
            )
        case _:
            stretch = _ALL_STRETCH
            conditions.append("provider = ANY($1)")
    if listing.reason is not None:
        arguments.append(listing.reason)
        conditions.append(f"reason = ${len(arguments)}")
    if listing.behind_for_s:
        arguments.append(listing.behind_for_s)
        conditions.append(f"behind_since <= clock_timestamp() - ${len(arguments)}::float8 * interval '1 second'")
    arguments.append(listing.limit)
    statement = _PAGE.format(stretch=stretch, conditions=" AND ".join(conditions), limit=f"${len(arguments)}")
    row = await connection.fetchrow(statement, *arguments)
    return _page(dict(row or {}), listing.limit, stretch_lanes)


def _page(row: dict[str, object], limit: int, stretch_lanes: int) -> Page:
    found = row["ids"]
    ids = list(found) if isinstance(found, list) else []
    if len(ids) == limit:
        return Page(ids, _place(ids[-1], row["chosen_due_at"]))
    if row["looked_at"] == stretch_lanes:
        return Page(ids, _place(row["last_id"], row["last_due_at"]))
    return Page(ids, None)


def _place(lane_id: object, due_at: object) -> Place:
    return Place(int(str(lane_id)), due_at if isinstance(due_at, datetime) else None)
