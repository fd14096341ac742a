"""PostgreSQL: a pool of asyncpg connections, transactions that are repeated when PostgreSQL asks for it.

DatabaseAway        PostgreSQL cannot be reached, or went away; what was not committed is undone
└── CommitUnknown   it went away during a commit: done or undone, nobody can tell
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from sendto.runtime.settings import DatabaseSettings

# The driver's classes are generic for type checkers only.
if TYPE_CHECKING:
    Connection = PoolConnectionProxy[asyncpg.Record]
    DirectConnection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection, DirectConnection, Pool = PoolConnectionProxy, asyncpg.Connection, asyncpg.Pool
T = TypeVar("T")

MIN_SERVER_VERSION = 15
_REPEATS = 10
# Of the transaction, or of the session, in milliseconds; older servers know no such bound.
_BOUND = "SELECT set_config(name, $1, $2) FROM pg_settings WHERE name = 'transaction_timeout'"
# The last one: a migration has changed a table since a statement of this connection was prepared; nothing was done.
_REPEATABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError)
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InvalidCatalogNameError,
)
"""What the driver raises when the server is away, starting, stopping, full or overloaded, or restores the database.

Among them the driver's own confusion over a connection that breaks while it is being used.
"""

NOT_LET_IN = (asyncpg.ObjectNotInPrerequisiteStateError,)
"""What else may come while a connection is made: the database takes none, as during a restore."""


class DatabaseAway(Exception):  # noqa: N818 - named for what happened
    """PostgreSQL cannot be used now; what was not committed is undone."""


class CommitUnknown(DatabaseAway):
    """PostgreSQL went away during a commit: the change was made or it was not."""


class Database:
    """A service's PostgreSQL.

    Args:
        settings: where it is, and how long is waited for it.
        application_name: who we are, in its own listings.
        session: more of its settings, for each connection.
    """

    def __init__(
        self, settings: DatabaseSettings, *, application_name: str, session: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._application_name = application_name
        self._session = dict(session or {})
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address, with its password."""
        return self._settings.database_url.get_secret_value()

    async def close(self) -> None:
        """Close every connection; waits for those in use."""
        if self._asking is not None:
            self._asking.cancel()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection from the pool, each statement its own transaction.

        Raises:
            DatabaseAway: there is none to be had, or it broke.
        """
        try:
            async with self._lent() as connection:
                yield connection
        except AWAY as error:
            if isinstance(error, ValueError):  # the driver refused a parameter: a fault of ours
                raise
            raise DatabaseAway(type(error).__name__) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a READ COMMITTED transaction, committed on leaving, undone on an exception.

        Raises:
            DatabaseAway: PostgreSQL was away before the commit.
            CommitUnknown: it went away during the commit.
        """
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException:
                await _undo(transaction)
                raise
            async with deciding():
                await transaction.commit()

    async def in_transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again from the start after a deadlock, a conflict or a migration."""
        return await _repeated(self.transaction, work)

    async def by_statements(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The same for work whose only change is its last statement, which needs no BEGIN and no COMMIT around it.

        If PostgreSQL goes away during that statement, nobody can tell what became of it: see `deciding`.
        """
        return await _repeated(self.connection, work)

    async def ping(self) -> None:
        """Raise DatabaseAway unless PostgreSQL answers, as soon as a connection would have to be there.

        A frozen server, or one that a broken network hides, lets a statement wait much longer: the question goes on
        behind the answer, and no other one is asked meanwhile.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        asked = self._asking
        await asyncio.wait({asked}, timeout=self._settings.connect_timeout_s)
        if not asked.done() or asked.cancelled():
            raise DatabaseAway("it does not answer")
        await asked

    async def _ask(self) -> None:
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    async def direct(self) -> DirectConnection:
        """A connection of its own, outside the pool, for advisory locks and LISTEN."""
        try:
            return await self._connect()
        except (*AWAY, *NOT_LET_IN) as error:
            raise DatabaseAway(type(error).__name__) from error

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        try:
            pool = await self._opened()
            connection = await pool.acquire(timeout=self._settings.connect_timeout_s)
        except NOT_LET_IN as error:
            raise DatabaseAway(type(error).__name__) from error
        try:
            yield connection
        finally:
            await pool.release(connection)

    async def _opened(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self.url,
                    min_size=self._settings.pool_min_size,
                    max_size=self._settings.pool_max_size,
                    init=self._set_up,
                    reset=_leave,
                    **self._options(),
                )
            return self._pool

    async def _connect(self) -> DirectConnection:
        connection: DirectConnection = await asyncpg.connect(self.url, **self._options())
        try:
            await self._set_up(connection)
        except BaseException:  # among them a cancellation: nobody else knows of this connection
            connection.terminate()
            raise
        return connection

    async def _set_up(self, connection: Any) -> None:  # noqa: ANN401 - pool proxies and connections alike
        """Give a new session its codecs, and its transactions a bound.

        A process may freeze where its session counts as working: between two of the driver's messages for one
        statement. Nothing but that bound gives its row locks back then.
        """
        await set_codecs(connection)
        longest_s = self._settings.statement_timeout_s + self._settings.idle_transaction_timeout_s
        await connection.execute(_BOUND, str(int(longest_s * 1000)), False)  # noqa: FBT003 - the session's

    def _options(self) -> dict[str, Any]:
        return {
            "timeout": self._settings.connect_timeout_s,
            "command_timeout": self._settings.statement_timeout_s + 5,
            "server_settings": {
                "application_name": self._application_name,
                "statement_timeout": str(int(self._settings.statement_timeout_s * 1000)),
                # A frozen process must not keep its row locks.
                "idle_in_transaction_session_timeout": str(int(self._settings.idle_transaction_timeout_s * 1000)),
                "timezone": "UTC",
                "jit": "off",
                **self._session,
            },
        }


async def _leave(connection: Any) -> None:  # noqa: ANN401 - a pool's connection
    """Nothing is left behind in a session: what is set is set for a transaction, and locks and LISTEN are elsewhere.

    The driver has rolled back before. Its own way asks PostgreSQL to reset the session each time, one round trip more.
    """
    del connection


async def unbound(connection: Connection) -> None:
    """Let this transaction take as long as its statements may."""
    await connection.execute(_BOUND, "0", True)  # noqa: FBT003 - the transaction's


@asynccontextmanager
async def deciding() -> AsyncIterator[None]:
    """Around a statement that commits by itself.

    Raises:
        CommitUnknown: PostgreSQL went away during it.
    """
    try:
        yield
    except AWAY as error:
        if isinstance(error, ValueError):  # the driver refused a parameter: a fault of ours
            raise
        raise CommitUnknown(type(error).__name__) from error


async def _repeated(
    opened: Callable[[], AbstractAsyncContextManager[Connection]], work: Callable[[Connection], Awaitable[T]]
) -> T:
    for repeat in range(_REPEATS):
        try:
            async with opened() as connection:
                return await work(connection)
        except _REPEATABLE:
            await asyncio.sleep(random.random() * 0.01 * 2**repeat)  # noqa: S311 - spreads the contenders
    async with opened() as connection:
        return await work(connection)


async def _undo(transaction: Any) -> None:  # noqa: ANN401 - asyncpg does not export its type
    try:
        await transaction.rollback()
    except (*AWAY, asyncpg.PostgresError):
        return  # the connection is gone, and the transaction with it


async def set_codecs(connection: Any) -> None:  # noqa: ANN401 - pool proxies and connections alike
    """Exchange JSON columns as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode, format="text"
        )


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
