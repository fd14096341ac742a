"""How fast this process calls a provider: its share of the fleet's bucket, and what it has to give back."""

from dataclasses import replace

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto.runtime.failpoints import Point, reach
from sendto_dispatcher.domain.pace import Grant
from sendto_dispatcher.engine.provider import Provider
from sendto_dispatcher.store import providers as provider_store


class Pace:
    """One provider's requests. Without a rate limit everything is granted and nothing is counted."""

    def __init__(self, provider: Provider, database: Database, clock: Clock) -> None:
        self._provider = provider
        self._database = database
        self._clock = clock
        self._unused = 0

    async def take(self, operations: int) -> Grant:
        """Take the requests of up to so many operations; those that earlier ones did not make go back first."""
        bucket = self._provider.bucket
        if bucket is None or not operations:
            return Grant(operations=operations)
        unused, self._unused = self._unused, 0
        reach(Point.ENGINE_TAKE)

        async def take(connection: Connection) -> Grant:
            granted = await provider_store.take_requests(
                connection,
                self._provider.name,
                bucket,
                operations=operations,
                requests_each=self._provider.requests_each,
                unused=unused,
            )
            return replace(granted, at_s=self._clock.monotonic_s())

        grant = await self._database.in_transaction(take)
        reach(Point.ENGINE_TAKEN)
        return grant

    def differ(self, *, taken: int, made: int) -> None:
        """So many requests were taken, and so many made; the difference is settled with the next that are taken."""
        if self._provider.bucket is not None:
            self._unused += taken - made

    async def give_back(self, requests: int) -> None:
        """Return requests at once, so that other processes may make them."""
        bucket = self._provider.bucket
        if bucket is None or not requests:
            return
        try:
            async with self._database.connection() as connection:
                await provider_store.give_back(connection, self._provider.name, bucket, requests)
        except DatabaseAway:
            return  # a rate limit that is not used in full harms nobody

    async def close(self) -> None:
        """Return what is left."""
        unused, self._unused = self._unused, 0
        await self.give_back(unused)
