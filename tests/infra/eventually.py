"""Waiting for what is to come: asked again and again, with a bound that only a failure reaches."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0
_PAUSE_S = 0.05


async def eventually(ask: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """The first answer that is true."""
    deadline = monotonic() + patience_s
    while not (answer := await ask()):
        assert monotonic() < deadline, f"did not come to be within {patience_s} s; the last answer was {answer!r}"
        await asyncio.sleep(_PAUSE_S)
    return answer
