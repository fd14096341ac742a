"""The history of what was taken, and the records that were rejected. Rules 8 and 11 of the dispatcher's rules."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sendto.events.decode import Headers, Rejection, RejectReason
from sendto.runtime.database import Connection
from sendto_dispatcher.domain.fold import Folded, TakeVerdict
from sendto_dispatcher.store.taking import Key, Record

_HISTORY = """
INSERT INTO intake_event (source, order_id, event_id, type, carried, version, topic, partition, record_offset, verdict,
    route, traceparent)
SELECT * FROM json_to_recordset($1::json) AS n(source text, order_id bigint, event_id text, type text, carried bool,
    version bigint, topic text, partition int, record_offset bigint, verdict text, route text, traceparent text)
"""
_REJECTED = """
INSERT INTO rejected_event (cluster_id, topic, partition, record_offset, source, order_id, reason, detail, record_key,
    record_value, record_headers)
SELECT $1, r.topic, r.partition, r.record_offset, r.source, r.order_id, r.reason, r.detail, r.key, r.value,
    r.headers::jsonb
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::bytea[],
    $10::bytea[], $11::text[])
    AS r(topic, partition, record_offset, source, order_id, reason, detail, key, value, headers)
ON CONFLICT (cluster_id, topic, partition, record_offset) DO NOTHING
"""


async def write_history(
    connection: Connection,
    by_order: Mapping[Key, list[Record]],
    folded: Mapping[Key, Folded],
    rejected: list[tuple[Record, Rejection]],
    verdicts: dict[str, int],
) -> None:
    """Record every event that was taken; what carries no version too late joins the rejected ones."""
    taken: list[dict[str, Any]] = []
    for key, group in by_order.items():
        for record, (verdict, carried, version, route) in zip(group, folded[key].verdicts, strict=True):
            verdicts[verdict] += 1
            if verdict is TakeVerdict.UNVERSIONED:
                detail = "it carries no orderversion, and a carried one is known of this order"
                rejected.append((record, Rejection(RejectReason.UNVERSIONED, detail, key[1], key[0])))
            else:
                taken.append(
                    {
                        "source": key[1],
                        "order_id": key[0],
                        "event_id": record.event.id,
                        "type": record.event.type,
                        "carried": carried,
                        "version": version,
                        "topic": record.topic,
                        "partition": record.partition,
                        "record_offset": record.offset,
                        "verdict": verdict,
                        "route": route,
                        "traceparent": record.event.traceparent,
                    }
                )
    if taken:
        await connection.execute(_HISTORY, taken)


async def write_rejected(connection: Connection, cluster_id: str, rejected: Sequence[tuple[Record, Rejection]]) -> None:
    """Keep what was rejected, with its original bytes; the dead-letter topic is written from here."""
    if rejected:
        await connection.execute(
            _REJECTED,
            cluster_id,
            [record.topic for record, _ in rejected],
            [record.partition for record, _ in rejected],
            [record.offset for record, _ in rejected],
            [rejection.source for _, rejection in rejected],
            [rejection.order_id for _, rejection in rejected],
            [str(rejection.reason) for _, rejection in rejected],
            [rejection.detail for _, rejection in rejected],
            [record.key for record, _ in rejected],
            [record.value for record, _ in rejected],
            [headers_to_json(record.headers) for record, _ in rejected],
        )


def headers_to_json(headers: Headers) -> str:
    """Headers as JSON pairs of name and Base64 value; a name that PostgreSQL cannot store is escaped."""
    pairs = [[name.replace("\x00", "\\0"), base64.b64encode(value or b"").decode()] for name, value in headers]
    return json.dumps(pairs)
