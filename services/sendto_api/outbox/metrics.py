"""What the outbox tells. Relay and API both show how much waits: it is told also while no relay runs."""

from prometheus_client import Counter, Gauge, Histogram

from sendto.runtime.database import Database, DatabaseAway
from sendto_api.outbox import store

PUBLISHED = Counter("sendto_outbox_published_total", "Events that were published.")
LATENCY = Histogram("sendto_outbox_batch_seconds", "Time to publish a batch.")
LEADS = Gauge("sendto_relay_leads", "1 while this process is the one that publishes.")
_DEPTH = Gauge("sendto_outbox_depth", "Events that wait to be published; the same at every process.")
_AGE = Gauge("sendto_outbox_oldest_seconds", "How long the oldest of them has waited; the same at every process.")


async def measure(database: Database) -> None:
    """Bring the gauges of the outbox up to date."""
    try:
        async with database.connection() as connection:
            depth = await store.depth(connection)
    except DatabaseAway:
        return
    _DEPTH.set(depth.events)
    _AGE.set(depth.age_s)
