"""A provider that is unwell in one way or another."""

import asyncio
import random
import time
from typing import Any, ClassVar

from faults.kinds.fault import Fault, Field

SAVED_WITHIN_S = 1.2
"""what a provider that saves late needs at most; adapters that look up must be told more"""

WAYS: dict[str, dict[str, Any]] = {
    "429": {"errors": {"429": 0.5}, "retry_after": "1"},
    "500": {"errors": {"500": 0.5}},
    "504 after applying": {"apply_then": {"504": 0.5}},
    "500 after applying": {"apply_then": {"500": 0.5}},
    "hangs": {"hang": 0.3},
    "resets": {"reset": 0.5},
    "loses answers": {"lose_answer": 0.5},
    "is slow": {"latency_s": 1.0},
    "refuses all": {"errors": {"503": 1.0}, "retry_after": "1"},
    "everything at once": {"errors": {"500": 0.15, "429": 0.15}, "apply_then": {"504": 0.2}, "lose_answer": 0.2},
    "5 a second": {"rate_limit": {"requests": 5, "window_s": 1, "burst": 5}},
}


class Unwell(Fault):
    """Every provider is unwell in one way."""

    kind: ClassVar[str] = "providers are unwell"

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._way = random_.choice(sorted(WAYS))
        self.lasts_s = random_.uniform(3.0, 8.0)

    async def begin(self, field: Field) -> None:
        """Let them be unwell."""
        await field.behave(**WAYS[self._way])

    async def end(self, field: Field) -> None:
        """Let them be well."""
        await field.behave()

    def __str__(self) -> str:
        return f"{self.kind}: {self._way} for {self.lasts_s:.1f} s"


class ProviderDown(Fault):
    """The providers' processes are gone for a minute."""

    kind: ClassVar[str] = "providers are down"
    for_s: ClassVar[tuple[float, float]] = (60.0, 61.0)

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self.lasts_s = random_.uniform(*self.for_s)

    async def begin(self, field: Field) -> None:
        """Stop them."""
        await field.system.stop(*field.system.names("sandbox"))

    async def end(self, field: Field) -> None:
        """Start them again."""
        await field.system.start(*field.system.names("sandbox"))
        await field.system.ready(*field.system.names("sandbox"))
        await field.behave()


class SavesLate(Fault):
    """Every provider answers first and saves some time later, in order; some answers are lost, some callers killed."""

    kind: ClassVar[str] = "providers save late"

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._late_s = random_.uniform(0.3, SAVED_WITHIN_S)
        self._lost = random_.choice((0.0, 0.3))
        self._kills = [random_.random() for _ in range(random_.randrange(4))]
        self.lasts_s = random_.uniform(4.0, 10.0)

    async def begin(self, field: Field) -> None:
        """Let them save late, and kill some dispatchers meanwhile."""
        await field.behave(save_late_s=self._late_s, lose_answer=self._lost)
        names = field.system.names("dispatcher")
        for share in self._kills:
            await asyncio.sleep(1.0)
            if field.system.kill(names[int(share * len(names))]):
                self.killed_at_s.append(time.time())

    async def end(self, field: Field) -> None:
        """Let them save at once; what waits is saved first."""
        await field.behave()

    def __str__(self) -> str:
        return f"{self.kind}, after {self._late_s:.1f} s, {self._lost:.0%} lost, for {self.lasts_s:.1f} s"
