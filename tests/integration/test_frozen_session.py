"""What a process that froze in the middle of a transaction has locked."""

import struct
from typing import Any

from infra.eventually import eventually
from infra.postgres import Databases, connected, settings

from sendto.runtime.database import Database, unbound

_PARSE = b"x\0SELECT 1\0" + struct.pack("!h", 0)
_PARSE_AND_FLUSH = b"P" + struct.pack("!i", 4 + len(_PARSE)) + _PARSE + b"H" + struct.pack("!i", 4)
"""how the driver prepares a statement: what ends the exchange comes only with the next message"""


async def test_it_comes_free_even_where_the_session_counts_as_working(databases: Databases) -> None:
    async with databases.migrated("dispatcher") as url, connected(url) as others:
        bounded = settings(url).model_copy(update={"statement_timeout_s": 2.0, "idle_transaction_timeout_s": 3.0})
        frozen: Any = await Database(bounded, application_name="frozen").direct()
        await frozen.execute("BEGIN")
        await frozen.execute("LOCK lane")
        transport = frozen._transport  # noqa: SLF001 - the driver has no door for half an exchange
        transport.pause_reading()
        transport.write(_PARSE_AND_FLUSH)

        async def counts_as_working() -> bool:
            async with others.connection() as connection:
                asked = "SELECT state = 'active' AND wait_event = 'ClientRead' FROM pg_stat_activity WHERE pid = $1"
                return bool(await connection.fetchval(asked, frozen.get_server_pid()))

        async def is_gone() -> bool:
            async with others.connection() as connection:
                asked = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"
                return bool(await connection.fetchval(asked, frozen.get_server_pid()))

        await eventually(counts_as_working)
        await eventually(is_gone)
        async with others.transaction() as connection:
            await connection.execute("LOCK lane")
        frozen.terminate()


async def test_a_transaction_that_may_take_long_has_no_bound(databases: Databases) -> None:
    async with databases.migrated("dispatcher") as url, connected(url) as database:
        async with database.transaction() as connection:
            await unbound(connection)
            assert await connection.fetchval("SHOW transaction_timeout") == "0"
        async with database.connection() as connection:
            assert await connection.fetchval("SHOW transaction_timeout") == "40s"
