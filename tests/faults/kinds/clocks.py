"""Clocks that jump: a process's forwards and back, PostgreSQL's forwards."""

import random
from typing import ClassVar

from faults.kinds.fault import Fault, Field
from faults.rig.clocks import CACHED_S
from faults.rig.surroundings import Need


class ProcessClockJumps(Fault):
    """The wall clock of one process is wrong for a while: two jumps."""

    kind: ClassVar[str] = "a process's clock jumps"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.CLOCK})

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._by_s = random_.choice((-1, 1)) * 10 ** random_.uniform(0.5, 5)
        self._share = random_.random()
        self.lasts_s = random_.uniform(3.0, 8.0) + CACHED_S

    async def begin(self, field: Field) -> None:
        """Set it forwards, or back."""
        names = field.system.services
        self._name = names[int(self._share * len(names))]
        if self._name in field.system.names("dispatcher"):
            self.late = field.late(self._name)
        field.system.clock(self._name).set_ahead(self._by_s)

    async def end(self, field: Field) -> None:
        """Set it right."""
        field.system.clock(self._name).set_ahead(0.0)

    def __str__(self) -> str:
        return f"{self.kind} by {self._by_s:.0f} s for {self.lasts_s:.1f} s"


class PostgresClockJumps(Fault):
    """PostgreSQL's clock is set forwards, beyond every lease, and stays so."""

    kind: ClassVar[str] = "PostgreSQL's clock jumps"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.CLOCK})

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._by_s = 10 ** random_.uniform(0.5, 3)
        self.lasts_s = 2.0 + CACHED_S

    async def begin(self, field: Field) -> None:
        """Set it."""
        clock = field.servers.clock
        assert clock, "PostgreSQL has the machine's clock"
        self.late = field.late()
        clock.set_ahead(clock.ahead_s + self._by_s)

    def __str__(self) -> str:
        return f"{self.kind} by {self._by_s:.0f} s"
