"""Forgetting persons in the API's tables.

An order stays, for the books: its buyer, customer, address and comments go, and its version rises, so that what the
dispatcher makes of it is newer than everything that is under way. What tells of it in the outbox and in stored answers
goes after that, as far as it is older.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sendto.runtime.database import Connection
from sendto_api.orders.store import Found, select_orders
from sendto_api.outbox.events import NewEvent
from sendto_api.outbox.store import row

ERASED = {"first_name": "erased", "last_name": "erased", "email": "erased@erased.invalid"}
"""what stands where an order must name somebody"""

# Buyers are found as a search finds them, by the parts of the address, and looked at then.
OF_PERSON = """
SELECT order_id FROM (
    SELECT o.order_id, o.email
    FROM order_search s JOIN "order" o ON o.order_id = s.order_id
    WHERE s.parts @@ order_text_query(lower($1)) OFFSET 0
) AS buyer WHERE lower(email) = lower($1)
UNION
SELECT order_id FROM customer WHERE lower(email) = lower($1)
ORDER BY order_id LIMIT $2
"""
_LOCK = 'SELECT order_id FROM "order" WHERE order_id = ANY($1::bigint[]) ORDER BY order_id FOR UPDATE'
_FORGET_ORDERS = f"""
UPDATE "order" SET first_name = '{ERASED["first_name"]}', last_name = '{ERASED["last_name"]}',
    email = '{ERASED["email"]}', telephone = NULL, comment = '', ip_address = NULL, user_agent = NULL,
    customer_id = NULL, version = v.version, date_modified = clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[]) AS v(order_id, version) WHERE "order".order_id = v.order_id
"""  # noqa: S608 - the words are our own
_FORGET_ADDRESSES = "DELETE FROM order_address WHERE order_id = ANY($1::bigint[])"
_FORGET_COMMENTS = """
UPDATE order_status_history SET comment = NULL WHERE order_id = ANY($1::bigint[]) AND comment IS NOT NULL
"""
_FORGET_CUSTOMERS = "DELETE FROM customer WHERE order_id = ANY($1::bigint[])"
_TELL = """
INSERT INTO outbox (order_id, event_id, type, version, occurred_at, value)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[])
"""
_BEGIN = """
INSERT INTO erasure (token_id, order_ids, versions, customers) VALUES ($1, $2, $3, $4)
"""
_UNFINISHED = """
SELECT id, order_ids, versions, customers, events, answers FROM erasure WHERE finished_at IS NULL ORDER BY id
"""
_FINISH = """
UPDATE erasure SET finished_at = clock_timestamp() WHERE id = ANY($1::bigint[]) AND finished_at IS NULL
"""
_WINDOW = """
SELECT max(id) AS last_id, count(*) AS events FROM (
    SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT $2) AS looked_at
"""
# A deletion that is not on the topic yet must get there; what it says of the order is taken out of it.
_BARE = """
UPDATE outbox SET value = '{"order_id":' || order_id || ',"changed":[]}'
WHERE id > $1 AND id <= $2 AND published_at IS NULL AND type = 'customer.deleted' AND order_id = ANY($3::bigint[])
"""
_FORGET_EVENTS = """
DELETE FROM outbox o WHERE o.id > $1 AND o.id <= $2 AND (
    EXISTS (SELECT FROM unnest($3::bigint[], $4::bigint[]) AS e(order_id, version)
        WHERE e.order_id = o.order_id AND o.version < e.version
            AND (o.published_at IS NOT NULL OR o.type <> 'customer.deleted'))
    OR o.published_at IS NOT NULL AND position(lower($5) IN lower(o.value)) > 0)
"""
# The version of a stored answer is its ETag's; one without an ETag tells of nobody.
_FORGET_ANSWERS = """
DELETE FROM idempotency_key k WHERE
    EXISTS (SELECT FROM unnest($1::bigint[], $2::bigint[]) AS e(order_id, version)
        WHERE e.order_id::text = substring(coalesce(k.location, k.path) FROM '/orders/([0-9]+)')
            AND trim(both '"' FROM k.etag)::bigint < e.version)
    OR position(lower($3) IN lower(convert_from(k.body, 'UTF8'))) > 0
"""
_COUNT = "UPDATE erasure SET events = events + $2, answers = answers + $3 WHERE id = $1"
GONE = 2**63 - 1
"""as an order's version: it is deleted, and every event of it is older"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An erasure that is not finished everywhere."""

    id: int
    order_ids: list[int]
    versions: list[int]
    """the version that each order has since, in the order of the orders"""
    customers: int
    events: int
    answers: int


async def orders_of(connection: Connection, email: str, limit: int) -> list[int]:
    """The next orders whose buyer or customer has this email address, in small letters or capitals."""
    return [found["order_id"] for found in await connection.fetch(OF_PERSON, email, limit)]


async def lock_orders(connection: Connection, order_ids: Sequence[int]) -> list[Found]:
    """The orders, locked and then read as they stand; such as are gone are left out."""
    locked = await connection.fetch(_LOCK, list(order_ids))
    return await select_orders(connection, [one["order_id"] for one in locked])


async def forget(connection: Connection, found: Sequence[Found], events: Sequence[NewEvent]) -> None:
    """Forget the persons of locked orders, and tell of it."""
    ids = [one.order["order_id"] for one in found]
    await connection.execute(_FORGET_ORDERS, ids, [one.next_version for one in found])
    for statement in (_FORGET_ADDRESSES, _FORGET_COMMENTS, _FORGET_CUSTOMERS):
        await connection.execute(statement, ids)
    rows: list[dict[str, Any]] = [row(event) for event in events]
    names = ("order_id", "event_id", "type", "version", "occurred_at", "value")
    await connection.execute(_TELL, *([one[name] for one in rows] for name in names))


async def begin(
    connection: Connection, token_id: UUID, order_ids: Sequence[int], versions: Sequence[int], *, customers: int
) -> None:
    """Write the erasure down, in the transaction that forgets."""
    await connection.execute(_BEGIN, token_id, list(order_ids), list(versions), customers)


async def unfinished(connection: Connection) -> list[Unfinished]:
    """The erasures that are not finished, oldest first."""
    return [Unfinished(**dict(found)) for found in await connection.fetch(_UNFINISHED)]


async def finish(connection: Connection, ids: Sequence[int]) -> int:
    """They are finished; how many were not before."""
    return _count(await connection.execute(_FINISH, list(ids)))


async def sweep_outbox(
    connection: Connection, erasures: Sequence[Unfinished], email: str | None, after_id: int, *, limit: int
) -> int | None:
    """Take what tells of the persons out of a part of the outbox; where to go on, None at its end."""
    window = await connection.fetchrow(_WINDOW, after_id, limit)
    if window is None or window["last_id"] is None:
        return None
    ids, versions = _orders(erasures)
    last_id: int = window["last_id"]
    await connection.execute(_BARE, after_id, last_id, ids)
    status = await connection.execute(_FORGET_EVENTS, after_id, last_id, ids, versions, email)
    await connection.execute(_COUNT, erasures[-1].id, _count(status), 0)
    return last_id if window["events"] == limit else None


async def sweep_answers(connection: Connection, erasures: Sequence[Unfinished], email: str | None) -> None:
    """Delete the stored answers that tell of the persons."""
    status = await connection.execute(_FORGET_ANSWERS, *_orders(erasures), email)
    await connection.execute(_COUNT, erasures[-1].id, 0, _count(status))


def _orders(erasures: Sequence[Unfinished]) -> tuple[list[int], list[int]]:
    ids = [order_id for one in erasures for order_id in one.order_ids]
    return ids, [version for one in erasures for version in one.versions]


def _count(status: str) -> int:
    return int(status.rsplit(maxsplit=1)[-1])
