"""Erasures of persons: rows of their own, so that one that was cut short is gone on with. No personal data in them.

An erasure ends once everything that was on the topic when it began has been taken: what the person's events that were
under way have brought back is forgotten again with its last step. What is published later counts as new.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.erasure import Erased, erase, orders_of
from sendto_dispatcher.store.taking import IntakeRules, Key

Row = dict[str, Any]

_SALT_BYTES = 16
_SCRYPT: Mapping[str, int] = {"n": 2**12, "r": 8, "p": 1, "dklen": 32}

_UNFINISHED = "SELECT * FROM ops_erasure WHERE ended_at IS NULL ORDER BY id FOR UPDATE"
_UNDER_WAY = "SELECT mark FROM ops_erasure WHERE ended_at IS NULL AND ends IS NOT NULL"
_BEGIN = "INSERT INTO ops_erasure (token_name, mark) VALUES ($1, $2) RETURNING *"
_ONE = "SELECT * FROM ops_erasure WHERE id = $1"
_NEWEST = "SELECT * FROM ops_erasure ORDER BY id DESC LIMIT 10"
_LOCK = "SELECT pg_advisory_xact_lock(5140021)"
_LEFT = """
SELECT coalesce(sum(greatest(e.value::bigint - coalesce(p.next_offset, 0), 0)), 0)::bigint
FROM jsonb_each_text($1) AS e(partition, value)
LEFT JOIN intake_position p ON p.topic = $2 AND p.partition = e.partition::int
"""
_WRITE = """
UPDATE ops_erasure SET order_ids = $2, sources = $3, ends = $4, states = states + $5, lanes = lanes + $6,
    kept_bodies = kept_bodies + $7, rejected = rejected + $8, ended_at = CASE WHEN $9 THEN clock_timestamp() END,
    mark = CASE WHEN NOT $9 THEN mark END
WHERE id = $1 RETURNING *
"""
_PROVIDERS = """
SELECT l.provider, count(*) AS lanes,
    count(*) FILTER (WHERE l.resting IS NULL AND l.due_at IS NULL AND NOT l.applied_present) AS removed,
    count(*) FILTER (WHERE l.resting IS NULL AND (l.due_at IS NOT NULL OR l.applied_present)) AS waiting,
    count(*) FILTER (WHERE l.resting IS NOT NULL) AS remaining,
    array_remove(array_agg(DISTINCT coalesce(l.detail, l.reason)) FILTER (WHERE l.resting IS NOT NULL), NULL) AS reasons
FROM lane l JOIN unnest($1::bigint[], $2::text[]) AS k(order_id, source)
    ON k.order_id = l.order_id AND k.source = l.source
WHERE NOT l.desired_present
GROUP BY l.provider ORDER BY l.provider
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom to forget: in these orders, and in all whose customer has this email address."""

    email: str | None
    orders: Sequence[Key]

    def mark(self) -> bytes:
        """What the same person is known by again while the erasure lasts: salted, and gone when it ends."""
        salt = os.urandom(_SALT_BYTES)
        return salt + self._hashed(salt)

    def has(self, mark: bytes | None) -> bool:
        """Whether this is the mark's person."""
        return mark is not None and hmac.compare_digest(self._hashed(mark[:_SALT_BYTES]), mark[_SALT_BYTES:])

    def _hashed(self, salt: bytes) -> bytes:
        whom = self.email.lower() if self.email else sorted(self.orders)
        return hashlib.scrypt(json.dumps(whom).encode(), salt=salt, **_SCRYPT)


async def is_under_way(connection: Connection, person: Person) -> bool:
    """Whether an erasure of this person waits for what was on the topic when it began."""
    return any(person.has(row["mark"]) for row in await connection.fetch(_UNDER_WAY))


async def begin_or_go_on(connection: Connection, by: str, person: Person) -> Row:
    """The person's erasure that is not at its end, or a new one; no other is made until the transaction ends."""
    await connection.execute(_LOCK)
    for row in await connection.fetch(_UNFINISHED):
        if person.has(row["mark"]):
            return dict(row)
    return dict(await connection.fetchrow(_BEGIN, by, person.mark()) or {})


async def left(connection: Connection, topic: str, ends: Mapping[str, int]) -> int:
    """How many records below these offsets the intake has not taken."""
    records: int = await connection.fetchval(_LEFT, dict(ends), topic)
    return records


async def step(
    connection: Connection,
    row: Row,
    person: Person,
    rules: IntakeRules,
    *,
    ends: Mapping[str, int] | None,
    last: bool,
) -> Row:
    """Forget the person, in the caller's transaction; the erasure's row after that. `last`: it ends so."""
    found = await orders_of(connection, person.email) if person.email else []
    keys = sorted({*zip(row["order_ids"], row["sources"], strict=True), *person.orders, *found})
    erased = await erase(connection, keys, rules, [person.email] if person.email else [])
    after = await _write(connection, row["id"], keys, ends, erased, last=last)
    if last:
        told = {"erasure": after["id"], "orders": len(keys)} | {
            name: after[name] for name in ("states", "kept_bodies", "rejected")
        }
        await record_change(connection, after["token_name"], "erase", told, lanes=after["lanes"])
    return after


async def erasure_row(connection: Connection, erasure_id: int) -> Row | None:
    """One erasure."""
    row = await connection.fetchrow(_ONE, erasure_id)
    return dict(row) if row else None


async def newest_rows(connection: Connection) -> list[Row]:
    """The last few."""
    return [dict(row) for row in await connection.fetch(_NEWEST)]


async def provider_rows(connection: Connection, row: Row) -> list[Row]:
    """What became of the erasure's orders at each provider; those that are there again count as new."""
    return [dict(one) for one in await connection.fetch(_PROVIDERS, row["order_ids"], row["sources"])]


async def _write(
    connection: Connection,
    erasure_id: int,
    keys: Sequence[Key],
    ends: Mapping[str, int] | None,
    erased: Erased,
    *,
    last: bool,
) -> Row:
    row = await connection.fetchrow(
        _WRITE,
        erasure_id,
        [order_id for order_id, _ in keys],
        [source for _, source in keys],
        None if ends is None else dict(ends),
        erased.states,
        erased.lanes,
        erased.kept_bodies,
        erased.rejected,
        last,
    )
    return dict(row or {})
