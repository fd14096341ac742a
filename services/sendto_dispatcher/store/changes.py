"""What ops changed: written down with the change itself, in its transaction, and listed."""

from collections.abc import Mapping
from typing import Any

from sendto.runtime.database import Connection

Row = dict[str, Any]

ITSELF = "sendto"
"""in place of a token's name: the relay did it by itself"""

_RECORD = "INSERT INTO ops_change (token_name, action, target, lanes) VALUES ($1, $2, $3, $4)"
_LIST = """
SELECT id, changed_at, token_name, action, target, lanes FROM ops_change
WHERE id < coalesce($1::bigint, 9223372036854775807) ORDER BY id DESC LIMIT $2
"""


async def record_change(
    connection: Connection, token_name: str, action: str, target: Mapping[str, object], *, lanes: int = 0
) -> None:
    """Write down who changed what; `target` holds no personal data, `lanes` counts the lanes that it concerns."""
    await connection.execute(_RECORD, token_name, action, dict(target), lanes)


async def change_rows(connection: Connection, *, before_id: int | None, limit: int) -> list[Row]:
    """The changes, newest first; those older than `before_id`, if it is given."""
    return [dict(row) for row in await connection.fetch(_LIST, before_id, limit)]
