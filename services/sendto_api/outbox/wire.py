"""From an outbox row to the record on the topic: a binary CloudEvent (CloudEvents 1.0, Kafka protocol binding)."""

import asyncpg

from sendto.events.envelope import OUR_SOURCE
from sendto_api.http.times import utc_micros

SCHEMA = "urn:sendto:schema:{type}:1"


def record(row: asyncpg.Record, traceparent: str | None) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers; `traceparent` is the context that its reader goes on from."""
    key = str(row["order_id"])
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": row["type"],
        "ce_id": str(row["event_id"]),
        "ce_source": OUR_SOURCE,
        "ce_subject": f"orders/{key}/customer",
        "ce_time": utc_micros(row["occurred_at"]) or "",
        "ce_dataschema": SCHEMA.format(type=row["type"]),
        "ce_orderversion": str(row["version"]),
        "ce_partitionkey": key,
    }
    if traceparent:
        headers["traceparent"] = traceparent
    return key.encode(), row["value"].encode(), [(name, value.encode()) for name, value in headers.items()]
