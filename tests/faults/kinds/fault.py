"""What every fault is: it begins, lasts, and ends; after that the system must get right by itself."""

import asyncio
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from faults.rig.servers import Servers
from faults.rig.system import System


@dataclass(frozen=True, kw_only=True)
class Field:
    """What faults strike."""

    system: System
    servers: Servers

    async def behave(self, **behaviour: object) -> None:
        """Let every provider behave like this; nothing: well."""
        for provider in self.system.shape.providers:
            body = {"accept_duplicates": provider.mode == "lookup"} | behaviour
            reply = await self.system.sandboxes[provider.name]("PUT", "/v1/behaviour", body)
            assert reply.status == 200, reply.content


class Fault(ABC):
    """One fault with everything about it decided, so that it is the same each time.

    Args:
        random_: what decides.
    """

    kind: ClassVar[str]
    late_calls: ClassVar[bool] = False
    """whether an older state may come after a newer one, if the newest follows"""

    def __init__(self, random_: random.Random) -> None:
        self.lasts_s = random_.uniform(1.0, 4.0)

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
