"""How a client's start is waited for, and given up."""

import asyncio

import pytest

from sendto.runtime import kafka
from sendto.runtime.kafka import started


async def test_a_start_that_swallows_a_cancellation_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_START_S", 0.0)
    monkeypatch.setattr(kafka, "_CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def start() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    waiting = asyncio.create_task(started(start()))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert swallowed == 3
