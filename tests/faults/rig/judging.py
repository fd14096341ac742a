"""Waiting until a system has come to rest, and asking the checker what it thinks of that."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from faults.checking.checker import check, wrong_in_the_end
from faults.checking.records import Records, State, Violation, Window, Written
from faults.rig.collecting import Log, collect, unsettled
from faults.rig.system import System

_POLL_S = 0.3


class Judge:
    """Reads the records of every provider of a system, and compares them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.logs = {name: Log(sandbox) for name, sandbox in system.sandboxes.items()}

    async def verdict(
        self,
        written: Sequence[Written],
        windows: Sequence[Window] = (),
        *,
        patience_s: float,
        right_within_s: float,
        truth: Mapping[str, State | None] | None = None,
    ) -> list[Violation]:
        """Wait until nothing is wrong, or for so long; then everything that is wrong."""
        deadline_s = monotonic() + patience_s
        rests = False
        while monotonic() < deadline_s and not rests:
            rests = await self._rests(written, truth)
            await asyncio.sleep(_POLL_S)
        violations: list[Violation] = []
        for name in self.logs:
            records = await self._records(name, written, windows, truth)
            violations += check(records, right_within_s=right_within_s)
        return violations

    async def _rests(self, written: Sequence[Written], truth: Mapping[str, State | None] | None) -> bool:
        if await unsettled(self._system.dispatch_url):
            return False
        for name in self.logs:
            records = await self._records(name, written, (), truth)
            if any(wrong_in_the_end(records)):
                return False
        return True

    async def _records(
        self,
        name: str,
        written: Sequence[Written],
        windows: Sequence[Window],
        truth: Mapping[str, State | None] | None,
    ) -> Records:
        sandbox = self._system.sandboxes[name]
        return await collect(sandbox, self.logs[name], self._system.dispatch_url, name, written, windows, truth=truth)
