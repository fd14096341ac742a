"""What the fleet knows of its providers: gates, buckets of requests, and the processes that serve them.

Rules 24, 25, 27, 30 and 34 of the dispatcher's rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from sendto.runtime.database import Connection
from sendto_dispatcher.domain.gate import ProviderState
from sendto_dispatcher.domain.pace import Bucket, Grant, grant

UNSERVED_S = 60.0
"""without a process that serves it for so long, a provider counts as stopped: not configured, or all of us were away"""
_KNOW = "INSERT INTO provider_state (provider) SELECT unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING"

_STATE = """
SELECT clock_timestamp() AS now, paused_at, held_at, hold_reason, opened_at, probe_at, blocked_until,
    stopped_s + coalesce(extract(epoch FROM clock_timestamp() - stopped_since), 0)::float8 AS stopped_s
FROM provider_state WHERE provider = $1
"""

# First what has flowed in since, with what was taken before and not used; then whole operations are spent.
_TAKE = """
UPDATE provider_state SET
    tokens = CASE WHEN tokens_at IS NULL THEN $2 ELSE least($2, tokens + $4
        + $3 * greatest(0, extract(epoch FROM clock_timestamp() - tokens_at)::float8)) END,
    tokens_at = clock_timestamp()
WHERE provider = $1
RETURNING tokens
"""
_SPEND = "UPDATE provider_state SET tokens = tokens - $2 WHERE provider = $1"
_GIVE_BACK = "UPDATE provider_state SET tokens = least($3, tokens + $2) WHERE provider = $1"

# While nobody serves it, nothing of a provider grows old.
_SERVED = """
UPDATE provider_state SET served_at = clock_timestamp(),
    stopped_s = stopped_s + CASE
        WHEN stopped_since IS NULL AND served_at < clock_timestamp() - $2 * interval '1 second'
        THEN extract(epoch FROM clock_timestamp() - served_at)::float8 ELSE 0 END
WHERE provider = $1
"""
_WIN_PROBE = """
UPDATE provider_state SET probe_at = clock_timestamp() + $2 * interval '1 second'
WHERE provider = $1 AND (held_at IS NOT NULL OR opened_at IS NOT NULL)
    AND (probe_at IS NULL OR probe_at <= clock_timestamp())
RETURNING probed_lanes
"""
# The newest hundred: more lanes than that are not tried in vain before one that works.
_NOTE_PROBE = """
UPDATE provider_state
SET probed_lanes = (array_append(array_remove(probed_lanes, $2), $2))[greatest(1, cardinality(probed_lanes) - 98):]
WHERE provider = $1
"""

_STOPPED = "stopped_since = coalesce(stopped_since, clock_timestamp())"
_GOES_ON = """
    stopped_s = stopped_s + CASE WHEN {still} THEN 0
        ELSE coalesce(extract(epoch FROM clock_timestamp() - stopped_since), 0)::float8 END,
    stopped_since = CASE WHEN {still} THEN stopped_since END
"""

_OPEN = f"""
UPDATE provider_state SET opened_at = clock_timestamp(),
    probe_at = clock_timestamp() + $2 * interval '1 second', {_STOPPED}
WHERE provider = $1 AND opened_at IS NULL RETURNING provider
"""
_HOLD = f"""
UPDATE provider_state SET held_at = coalesce(held_at, clock_timestamp()), hold_reason = $3,
    probe_at = clock_timestamp() + $2 * interval '1 second', {_STOPPED}
WHERE provider = $1
"""
_RECOVER = f"""
UPDATE provider_state SET opened_at = NULL, held_at = NULL, hold_reason = NULL, probe_at = NULL, probed_lanes = '{{}}',
    {_GOES_ON.format(still="paused_at IS NOT NULL")}
WHERE provider = $1 AND (opened_at IS NOT NULL OR held_at IS NOT NULL) RETURNING provider
"""
_BLOCK = """
UPDATE provider_state
SET blocked_until = greatest(blocked_until, clock_timestamp() + $2 * interval '1 second')
WHERE provider = $1
"""
_PAUSE = f"""
UPDATE provider_state SET paused_at = coalesce(paused_at, clock_timestamp()), paused_by = $2, pause_reason = $3,
    {_STOPPED}
WHERE provider = $1
"""
_RESUME = f"""
UPDATE provider_state SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, blocked_until = NULL,
    {_GOES_ON.format(still="held_at IS NOT NULL OR opened_at IS NOT NULL")}
WHERE provider = $1
"""

# In small steps, so that no statement holds a million rows; what waits for a cause of its own goes on waiting.
_SPREAD_ROWS = 5_000
_SPREAD = """
WITH waiting AS (
    SELECT id FROM lane
    WHERE provider = $1 AND hanging = $4 AND due_at > clock_timestamp() + $2 * interval '1 second'
        AND lease_token IS NULL AND (not_before IS NULL OR not_before <= clock_timestamp())
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE lane SET due_at = clock_timestamp() + random() * $2 * interval '1 second'
FROM waiting WHERE waiting.id = lane.id
"""

_HEARTBEAT = """
INSERT INTO replica (id, host, pid, release, config_digest, lag, unready, broken, refused)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), config_digest = excluded.config_digest, lag = excluded.lag,
    unready = excluded.unready, broken = excluded.broken, refused = excluded.refused
"""
_FORGET_REPLICAS = "DELETE FROM replica WHERE id = $1 OR heartbeat_at < now() - interval '1 day'"


async def know(connection: Connection, providers: Sequence[str]) -> None:
    """Make sure that every provider has its row."""
    await connection.execute(_KNOW, sorted(providers))


async def state(connection: Connection, provider: str) -> ProviderState:
    """The provider's gates, with the database's clock."""
    row = await connection.fetchrow(_STATE, provider)
    if row is None:
        await know(connection, [provider])
        return await state(connection, provider)
    return ProviderState(**dict(row))


async def note_served(connection: Connection, provider: str) -> None:
    """Note that the provider is being served now. If it was not for long, that time makes no failure older."""
    await connection.execute(_SERVED, provider, UNSERVED_S)


async def take_requests(
    connection: Connection, provider: str, bucket: Bucket, *, operations: int, requests_each: int, unused: int
) -> Grant:
    """Take requests for up to `operations` from the bucket, in a short transaction of its own.

    `unused` were taken earlier and not made; they go back first (what was made and not taken is negative).
    """
    level: float = await connection.fetchval(_TAKE, provider, bucket.burst, bucket.rate_per_s, float(unused))
    granted = grant(level, bucket, operations=operations, requests_each=requests_each)
    if granted.requests:
        await connection.execute(_SPEND, provider, float(granted.requests))
    return granted


async def give_back(connection: Connection, provider: str, bucket: Bucket, requests: int) -> None:
    """Return requests that were taken and will not be made."""
    await connection.execute(_GIVE_BACK, provider, float(requests), bucket.burst)


async def win_probe(connection: Connection, provider: str, *, interval_s: float) -> list[int] | None:
    """The lanes that were probed already, if this process may send the one probe that is due now; else None."""
    probed: list[int] | None = await connection.fetchval(_WIN_PROBE, provider, interval_s)
    return probed


async def note_probe(connection: Connection, provider: str, lane_id: int) -> None:
    """Remember that a lane is being probed, so that the next probe takes another."""
    await connection.execute(_NOTE_PROBE, provider, lane_id)


async def open_breaker(connection: Connection, provider: str, *, probe_s: float) -> bool:
    """Stop the provider because it is down; whether this call did it."""
    return await connection.fetchval(_OPEN, provider, probe_s) is not None


async def hold(connection: Connection, provider: str, reason: str, *, probe_s: float) -> None:
    """Stop the provider because it refuses our credentials, or its address is gone."""
    await connection.execute(_HOLD, provider, probe_s, reason)


async def recover(connection: Connection, provider: str) -> bool:
    """A probe was answered: end hold and breaker; whether there was one to end."""
    return await connection.fetchval(_RECOVER, provider) is not None


async def spread_waiting(connection: Connection, provider: str, *, over_s: float) -> int:
    """Make some lanes that wait in backoff due within `over_s`; how many. Call again until it returns 0."""
    for hanging in (False, True):
        status: str = await connection.execute(_SPREAD, provider, over_s, _SPREAD_ROWS, hanging)
        if not status.endswith(" 0"):
            return int(status.rsplit(maxsplit=1)[-1])
    return 0


async def block(connection: Connection, provider: str, *, wait_s: float) -> None:
    """Keep to the provider's Retry-After."""
    await connection.execute(_BLOCK, provider, wait_s)


async def pause(connection: Connection, provider: str, *, by: str, reason: str | None) -> None:
    """Stop the provider by hand."""
    await connection.execute(_PAUSE, provider, by, reason)


async def resume(connection: Connection, provider: str) -> None:
    """End a pause, and a wait that the provider asked for."""
    await connection.execute(_RESUME, provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaRow:
    """A running dispatcher process."""

    id: str
    host: str
    pid: int
    release: str
    config_digest: str
    lag: Mapping[str, int] = field(default_factory=dict)
    """records not yet taken, by partition that it reads"""
    unready: Mapping[str, str] = field(default_factory=dict)
    """what keeps it from being ready, by check"""
    broken: Mapping[str, str] = field(default_factory=dict)
    """configured providers that it cannot serve, and why"""
    refused: str | None = None
    """why the newest configuration that it was given is not in force"""


async def heartbeat(connection: Connection, replica: ReplicaRow) -> None:
    """Say that the process lives, with which configuration, and what any other process may tell of it."""
    await connection.execute(
        _HEARTBEAT,
        replica.id,
        replica.host,
        replica.pid,
        replica.release,
        replica.config_digest,
        dict(replica.lag),
        dict(replica.unready),
        dict(replica.broken),
        replica.refused,
    )


async def forget_replica(connection: Connection, replica_id: str) -> None:
    """The process ends; rows of processes that died long ago go with it."""
    await connection.execute(_FORGET_REPLICAS, replica_id)


async def live_replicas(connection: Connection, *, within_s: float) -> list[asyncpg.Record]:
    """The processes that were heard within this time."""
    return await connection.fetch(
        "SELECT * FROM replica WHERE heartbeat_at > now() - $1 * interval '1 second' ORDER BY id", within_s
    )
