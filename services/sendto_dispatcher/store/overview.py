"""The relay at a glance: what the newest rows tell of the last minutes, each at a bounded cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sendto.runtime.database import Connection
from sendto_dispatcher.store.changes import ITSELF

Row = dict[str, Any]

_NEWEST = 20_000
"""rows of history that one look reads at most"""

_ATTEMPTS = """
SELECT provider, count(*) AS attempts,
    count(*) FILTER (WHERE outcome NOT IN
        ('applied', 'accepted', 'already_absent', 'unsupported', 'released')) AS failed,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms,
    extract(epoch FROM clock_timestamp() - min(started_at))::float8 AS over_s
FROM (SELECT provider, outcome, duration_ms, started_at FROM attempt ORDER BY id DESC LIMIT $1) AS newest
WHERE started_at > clock_timestamp() - interval '1 minute' GROUP BY provider
"""
_EVENTS = """
SELECT count(*) AS events, count(*) FILTER (WHERE route = 'unrouted') AS unrouted,
    count(*) FILTER (WHERE verdict = 'stale') AS stale,
    (SELECT max(taken_at) FROM (SELECT taken_at FROM intake_event ORDER BY id DESC LIMIT 1) AS last) AS last_taken_at
FROM (SELECT route, verdict, taken_at FROM intake_event ORDER BY id DESC LIMIT $1) AS newest
WHERE taken_at > clock_timestamp() - interval '1 hour'
"""
_REJECTED = """
SELECT count(*) FROM (SELECT rejected_at FROM rejected_event ORDER BY id DESC LIMIT $1) AS newest
WHERE rejected_at > clock_timestamp() - interval '1 hour'
"""
_POSITIONS = """
SELECT topic, partition, next_offset, updated_at FROM intake_position ORDER BY topic, partition
"""
_REPLICAS = """
SELECT id, host, pid, release, config_digest, started_at, heartbeat_at, lag, unready, broken, refused,
    extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 AS silent_s
FROM replica WHERE heartbeat_at > clock_timestamp() - interval '10 minutes' ORDER BY started_at, id
"""
_INCIDENTS = """
SELECT DISTINCT action FROM (SELECT token_name, action, changed_at FROM ops_change ORDER BY id DESC LIMIT $1) AS newest
WHERE token_name = $2 AND changed_at > clock_timestamp() - interval '1 hour' ORDER BY action
"""
_ATTEMPT_COLUMNS = """
SELECT id, lane_id, provider, source, order_id, generation, carried, version, operation, number, outcome, reason,
    detail, requests, replica, started_at, duration_ms, settled
"""
_NEWEST_ATTEMPTS = f"""
{_ATTEMPT_COLUMNS} FROM (SELECT * FROM attempt ORDER BY id DESC LIMIT {_NEWEST}) AS newest
WHERE ($1::text IS NULL OR provider = $1) AND (NOT $2 OR outcome NOT IN ('applied', 'accepted', 'already_absent'))
ORDER BY id DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What the newest rows of history tell."""

    attempts: Mapping[str, Row] = field(default_factory=dict)
    """the last minute's, by provider"""
    events: Row = field(default_factory=lambda: {"events": 0, "unrouted": 0, "stale": 0, "rejected": 0})
    """the last hour's"""
    incidents: Sequence[str] = ()
    """what the relay itself found and answered within the last hour"""


async def recent(connection: Connection) -> Recent:
    """All of that: it takes as long as reading some ten thousand rows."""
    return Recent(
        attempts=await attempt_numbers(connection),
        events=await event_numbers(connection),
        incidents=await incident_names(connection),
    )


async def attempt_numbers(connection: Connection) -> dict[str, Row]:
    """The last minute's attempts by provider: how many, how many failed, their 95th percentile in milliseconds.

    `over_s` is the time that they cover: less than a minute where there were more than one look reads.
    """
    rows = await connection.fetch(_ATTEMPTS, _NEWEST)
    whole = sum(row["attempts"] for row in rows) < _NEWEST
    return {row["provider"]: dict(row) | ({"over_s": 60.0} if whole else {}) for row in rows}


async def event_numbers(connection: Connection) -> Row:
    """The last hour's events, of them those without a route, those that were stale, and those that were rejected."""
    row = await connection.fetchrow(_EVENTS, _NEWEST)
    return dict(row or {}) | {"rejected": await connection.fetchval(_REJECTED, _NEWEST)}


async def position_rows(connection: Connection) -> list[Row]:
    """How far each partition has been taken."""
    return [dict(row) for row in await connection.fetch(_POSITIONS)]


async def replica_rows(connection: Connection) -> list[Row]:
    """The processes that were heard in the last minutes, and for how long each has been silent."""
    return [dict(row) for row in await connection.fetch(_REPLICAS)]


async def incident_names(connection: Connection) -> list[str]:
    """What the relay itself found and answered within the last hour, as it wrote it into the record of changes."""
    return [row["action"] for row in await connection.fetch(_INCIDENTS, _NEWEST, ITSELF)]


async def newest_attempts(
    connection: Connection, *, provider: str | None = None, failed: bool = False, limit: int
) -> list[Row]:
    """The newest attempts, of all providers or one, all or only those without success."""
    return [dict(row) for row in await connection.fetch(_NEWEST_ATTEMPTS, provider, failed, limit)]
