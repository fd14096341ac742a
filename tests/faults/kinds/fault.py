"""What every fault is: it begins, lasts, and ends; after that the system must get right by itself."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from faults.checking.records import Late
from faults.rig.servers import Servers
from faults.rig.surroundings import Need
from faults.rig.system import System


@dataclass(frozen=True, kw_only=True)
class Field:
    """What faults strike."""

    system: System
    servers: Servers

    def late(self, *names: str) -> Late:
        """From now on the calls of these dispatchers, or of all, may come late."""
        names = names or tuple(self.system.names("dispatcher"))
        return Late(callers=frozenset(self.system.called(name) for name in names), since_s=time.time())

    async def behave(self, **behaviour: object) -> None:
        """Let every provider behave like this; nothing: well."""
        for provider in self.system.shape.providers:
            body: dict[str, object] = {"accept_duplicates": provider.mode == "lookup"}
            if provider.limit_per_s:
                body["rate_limit"] = {"requests": provider.limit_per_s, "window_s": 1, "burst": 1}
            body |= behaviour
            reply = await self.system.sandboxes[provider.name]("PUT", "/v1/behaviour", body)
            assert reply.status == 200, reply.content


class Fault(ABC):
    """One fault with everything about it decided, so that it is the same each time.

    Args:
        random_: what decides.
    """

    kind: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset()
    """what the machine must offer"""
    moves_truth: ClassVar[bool] = False
    """whether what the API holds afterwards may be older than what was written"""

    def __init__(self, random_: random.Random) -> None:
        self.lasts_s = random_.uniform(1.0, 4.0)
        self.late: Late | None = None
        """whose calls may come late"""
        self.lost_s: tuple[float, float] | None = None
        """the time of which the history knows nothing any more"""
        self.killed_at_s: list[float] = []
        """when a process of ours was killed"""

    async def strike(self, field: Field) -> None:
        """Begin, last, end."""
        await self.begin(field)
        try:
            await asyncio.sleep(self.lasts_s)
        finally:
            await self.end(field)

    @abstractmethod
    async def begin(self, field: Field) -> None:
        """Break something."""

    async def end(self, field: Field) -> None:
        """Let it be whole again."""
        del field

    def __str__(self) -> str:
        return f"{self.kind} for {self.lasts_s:.1f} s"
