"""Rejected events that are not yet on the dead-letter topic. Rule 9 of the dispatcher's rules."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from sendto.runtime.database import Connection

_UNPUBLISHED = """
SELECT id, topic, partition, record_offset, reason, detail, record_key, record_value, record_headers, rejected_at
FROM rejected_event WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_PUBLISHED = "UPDATE rejected_event SET published_at = now() WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A rejected record as it came in, and why it was rejected."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    rejected_at: datetime


async def lock_unpublished(connection: Connection, limit: int) -> list[DeadLetter]:
    """The oldest ones that no one else is publishing; they stay locked until the transaction ends."""
    return [_dead_letter(row) for row in await connection.fetch(_UNPUBLISHED, limit)]


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    """They are on the topic."""
    await connection.execute(_PUBLISHED, list(ids))


def _dead_letter(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        id=row["id"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        reason=row["reason"],
        detail=row["detail"],
        key=row["record_key"],
        value=row["record_value"],
        headers=[(name, base64.b64decode(value)) for name, value in row["record_headers"]],
        rejected_at=row["rejected_at"],
    )
