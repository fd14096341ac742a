"""A database is restored from a backup: everything since then is as if it had never been."""

import random
import time
from typing import ClassVar

from faults.kinds.fault import Fault, Field
from faults.rig.backup import Backup


class _Restored(Fault):
    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self.lasts_s = random_.uniform(60.0, 120.0)

    async def _take(self, field: Field, url: str) -> None:
        self._backup = Backup(field.servers.postgres.url("postgres"), url.rsplit("/", 1)[1])
        await self._backup.take()
        self._taken_s = time.time()


class DispatcherRestored(_Restored):
    """The dispatcher's database."""

    kind: ClassVar[str] = "the dispatcher's database is restored"

    async def begin(self, field: Field) -> None:
        """Take a backup."""
        await self._take(field, field.system.dispatch_url)

    async def end(self, field: Field) -> None:
        """Restore it; nobody does anything else."""
        self.late = field.late()
        await self._backup.restore()
        self.lost_s = (self._taken_s, time.time())


class ApiRestored(_Restored):
    """The API's database; then everything is published as it is now, as one does after a restore."""

    kind: ClassVar[str] = "the API's database is restored"
    moves_truth: ClassVar[bool] = True

    async def begin(self, field: Field) -> None:
        """Take a backup."""
        await self._take(field, field.system.api_url)

    async def end(self, field: Field) -> None:
        """Restore it, and publish."""
        await self._backup.restore()
        await field.system.command("relay", "republish", "--all")
