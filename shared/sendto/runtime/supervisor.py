"""Background loops of a service: started together, stopped together, and none may end unnoticed."""

import asyncio
from collections.abc import Awaitable, Callable

from sendto.runtime.logs import bug, logger

_CANCEL_AGAIN_S = 10.0
"""longer than a loop may take to end in good order"""
_log = logger(__name__)


class Supervisor:
    """Runs named loops until it is stopped. A loop that crashes makes the service unready and ends it.

    A loop's `run` blocks until it is cancelled; it deals with expected faults itself.

    Args:
        cancel_again_s: a loop that has not ended so long after it was cancelled is cancelled again: what it waited for
            may have swallowed the first time, and nobody stops a process that waits for a loop that waits for nothing.
    """

    def __init__(self, *, cancel_again_s: float = _CANCEL_AGAIN_S) -> None:
        self._cancel_again_s = cancel_again_s
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._crashed: str | None = None
        self._crash = asyncio.Event()

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start one loop."""
        self._loops[name] = asyncio.create_task(self._guard(name, run), name=name)

    async def readiness(self) -> str | None:
        """None while all loops run, else which one crashed."""
        return f"{self._crashed} crashed" if self._crashed else None

    async def crashed(self) -> str:
        """Wait until a loop crashes; its name."""
        await self._crash.wait()
        return str(self._crashed)

    async def stop(self, *names: str) -> None:
        """Cancel the named loops, or all, and wait until they have ended."""
        ending = {self._loops.pop(name) for name in (names or tuple(self._loops)) if name in self._loops}
        while ending:
            for loop in ending:
                loop.cancel()
            _, ending = await asyncio.wait(ending, timeout=self._cancel_again_s)

    async def _guard(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and ends the service
            _log.error("loop_crashed", loop=name, **bug(error))
        else:
            _log.error("loop_ended", loop=name)
        self._crashed = name
        self._crash.set()
