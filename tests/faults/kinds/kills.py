"""Our processes killed with -9, at any moment and at every named place; frozen, and thawed."""

import asyncio
import random
import signal
import time
from typing import ClassVar

from faults.kinds.fault import Fault, Field
from faults.process import Act, Armed

from sendto.runtime.failpoints import Point

_REACHED_WITHIN_S = 90.0
"""also on a loaded machine, by a process that was killed just before"""
_POLL_S = 0.05


class KillAtMoments(Fault):
    """Kills some processes, one after another, whenever it is."""

    kind: ClassVar[str] = "kill at any moment"

    def __init__(self, random_: random.Random, *, kills: int = 24) -> None:
        super().__init__(random_)
        self._moments = [(random_.uniform(0.1, 1.2), random_.random()) for _ in range(kills)]
        self.lasts_s = 0.0

    async def begin(self, field: Field) -> None:
        """Kill now one, now another."""
        names = field.system.services
        for pause_s, share in self._moments:
            await asyncio.sleep(pause_s)
            if field.system.kill(names[int(share * len(names))]):
                self.killed_at_s.append(time.time())


class KillAtPlaces(Fault):
    """Kills a process at each place of the hot path that it passes, when it has passed it some times."""

    kind: ClassVar[str] = "kill at a place"

    def __init__(self, random_: random.Random, points: tuple[Point, ...] = tuple(Point)) -> None:
        super().__init__(random_)
        self._armed = [Armed(point=point, act=Act.KILL, after=random_.randrange(4)) for point in points]
        self.reached: set[Point] = set()
        self.lasts_s = 0.0

    async def begin(self, field: Field) -> None:
        """One process of each service at a time, each at its next place."""
        services = {armed.point.split(".")[0] for armed in self._armed}
        await asyncio.gather(*(self._one_service(field, service) for service in sorted(services)))

    async def _one_service(self, field: Field, prefix: str) -> None:
        names = field.system.names("dispatcher" if prefix in {"intake", "engine"} else prefix)
        name = names[0] if prefix == "intake" else names[-1]
        for armed in self._armed:
            if armed.point.split(".")[0] == prefix:
                field.system.arm(name, armed)
                if await _acted(field, name):
                    self.killed_at_s.append(time.time())
                    self.reached.add(armed.point)
                else:
                    field.system.disarm(name)

    def __str__(self) -> str:
        return f"{self.kind}: " + ", ".join(f"{armed.point}+{armed.after}" for armed in self._armed)


async def _acted(field: Field, name: str) -> bool:
    for _ in range(int(_REACHED_WITHIN_S / _POLL_S)):
        if not field.system.is_armed(name):
            return True
        await asyncio.sleep(_POLL_S)
    return False


class Freeze(Fault):
    """A dispatcher stops past its leases and its membership, and goes on as if nothing had been."""

    kind: ClassVar[str] = "a dispatcher is frozen"

    def __init__(self, random_: random.Random) -> None:
        super().__init__(random_)
        self._share = random_.random()
        self.lasts_s = random_.uniform(4.0, 8.0)

    async def begin(self, field: Field) -> None:
        """Freeze one."""
        names = field.system.names("dispatcher")
        self._name = names[int(self._share * len(names))]
        field.system.send(self._name, signal.SIGSTOP)

    async def end(self, field: Field) -> None:
        """Thaw it."""
        self.late = field.late(self._name)
        field.system.send(self._name, signal.SIGCONT)


class Leave(Fault):
    """A dispatcher stops in good order and comes back: two rebalances."""

    kind: ClassVar[str] = "a dispatcher leaves and joins"

    async def begin(self, field: Field) -> None:
        """Stop the last one."""
        await field.system.stop(field.system.names("dispatcher")[-1])

    async def end(self, field: Field) -> None:
        """Start it again."""
        await field.system.start(field.system.names("dispatcher")[-1])
