"""Numbers of orders: after a restore the sequence would give some of them out once more."""

from sendto.runtime.database import Connection

_RESERVE = """
SELECT setval('order_id_seq', $1) FROM order_id_seq WHERE $1 > last_value OR $1 = last_value AND NOT is_called
"""


async def reserve_up_to(connection: Connection, highest: int) -> None:
    """Let no new order get this number or a lower one; a higher reservation stays."""
    if highest:
        await connection.execute(_RESERVE, highest)
