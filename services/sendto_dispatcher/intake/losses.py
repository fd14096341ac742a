"""Before the first claim on a database: has it lost commits? Rule 7 of the dispatcher's rules.

Offsets are committed after positions are stored. So a position below its committed offset proves that the database was
restored, or failed over to a replica that lagged; then a lane that looks untouched may have been sent. The intake finds
this out when it places a partition, but claims do not wait for partitions: they wait for this.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database, DatabaseAway
from sendto.runtime.kafka import client_options, undisturbed
from sendto.runtime.logs import logger
from sendto.runtime.settings import KafkaSettings
from sendto_dispatcher.intake.placement import doubt_all
from sendto_dispatcher.settings import IntakeSettings
from sendto_dispatcher.store.identity import identity
from sendto_dispatcher.store.positions import read_positions

_log = logger(__name__)

_LOOK_S = 0.2


class LossCheck:
    """Clears databases for claims, one after the other as they come, until it is stopped."""

    def __init__(
        self,
        settings: IntakeSettings,
        kafka: KafkaSettings,
        topic: str,
        database: Database,
        clock: Clock,
        on_cleared: Callable[[], None],
        taken: Callable[[], Mapping[int, int]],
    ) -> None:
        self._taken = taken
        self._settings = settings
        self._kafka = kafka
        self._topic = topic
        self._database = database
        self._clock = clock
        self._on_cleared = on_cleared
        self._cleared: str | None = None
        self._since_s: float | None = None

    def cleared(self) -> str | None:
        """The identity of the database in which lanes may be claimed; None while none is cleared."""
        return self._cleared

    async def run(self) -> None:
        """Look at the database until cancelled, and clear it whenever it is another one."""
        while True:
            with contextlib.suppress(DatabaseAway):  # then nothing can be claimed either
                await self.run_once()
            await asyncio.sleep(_LOOK_S)

    async def run_once(self) -> None:
        """Look at the database once."""
        async with self._database.connection() as connection:
            found = await identity(connection)
        if found == self._cleared:
            self._since_s = None
            return
        try:
            lost = await self._lost()
        except (KafkaError, OSError, TimeoutError) as error:
            if not self._waited_long():
                return
            _log.error("database_not_checked", error=type(error).__name__, effect="claims go on without")
            lost = []
        if lost:
            _log.error("database_lost_commits", partitions=sorted(lost), effect="all lanes are in doubt")
            await doubt_all(self._database, sorted(lost))
        self._cleared = found
        self._on_cleared()

    def _waited_long(self) -> bool:
        now_s = self._clock.monotonic_s()
        self._since_s = now_s if self._since_s is None else self._since_s
        return now_s - self._since_s >= self._settings.loss_check_timeout_s

    async def _lost(self) -> list[int]:
        """The partitions whose positions are below their committed offsets, or below what this process has taken."""
        committed, taken = await self._committed(), self._taken()
        proofs = {place: max(committed.get(place, 0), taken.get(place, 0)) for place in committed.keys() | taken.keys()}
        if not proofs:
            return []
        async with self._database.connection() as connection:
            stored = await read_positions(connection, self._topic, list(proofs))
        positions = {partition: position.next_offset for partition, position in stored.items()}
        return [partition for partition, offset in proofs.items() if positions.get(partition, 0) < offset]

    async def _committed(self) -> Mapping[int, int]:
        admin = AIOKafkaAdminClient(**client_options(self._kafka, client_id="sendto-dispatcher-losses"))
        try:
            await undisturbed(admin.start())
            offsets = await admin.list_consumer_group_offsets(self._settings.group_id)
        finally:
            await undisturbed(admin.close())
        return {
            place.partition: known.offset
            for place, known in offsets.items()
            if place.topic == self._topic and known.offset > 0
        }
