"""Personal data, for a person who is allowed to see it and whose asking is recorded by the caller."""

import base64
from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

_CUSTOMERS = """
SELECT source, customer, order_snapshot FROM order_state WHERE order_id = $1 AND customer IS NOT NULL ORDER BY source
"""
_RECORD = "SELECT record_key, record_value, record_headers FROM rejected_event WHERE id = $1"
_SHOWN_BYTES = 65_536


async def customer_rows(connection: Connection, order_id: int) -> list[Row]:
    """The customers of an order, by source, with the order's snapshot."""
    return [dict(row) for row in await connection.fetch(_CUSTOMERS, order_id)]


async def rejected_record(connection: Connection, rejected_id: int) -> Row | None:
    """A rejected record as text: what is no UTF-8 in it is shown as such."""
    row = await connection.fetchrow(_RECORD, rejected_id)
    if row is None:
        return None
    headers = [(name, _text(base64.b64decode(value))) for name, value in row["record_headers"]]
    return {"key": _text(row["record_key"]), "value": _text(row["record_value"]), "headers": headers}


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw[:_SHOWN_BYTES].decode(errors="backslashreplace")
