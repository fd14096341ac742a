"""What the newest rows of history tell: thousands of them, so they are read beside those who look."""

from sendto.kernel.clock import Clock
from sendto.runtime.database import Database
from sendto_dispatcher.ops.looking import EVERY_S, PAUSE, Looking
from sendto_dispatcher.store.overview import Recent, recent


class Lately(Looking):
    """Reads the newest rows of history with each step."""

    what = "lately"

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(clock)
        self._database = database
        self.told = Recent()

    async def step(self) -> float:
        """Read them; seconds until they are to be read again."""
        began_s = self.clock.monotonic_s()
        async with self._database.connection() as connection:
            self.told = await recent(connection)
        return max(EVERY_S, (self.clock.monotonic_s() - began_s) * PAUSE)
