"""How a client's start and close are waited for, and given up."""

import asyncio
import contextlib

import pytest

from sendto.runtime import kafka
from sendto.runtime.kafka import undisturbed


async def test_work_that_swallows_a_cancellation_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_END_S", 0.0)
    monkeypatch.setattr(kafka, "_CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def work() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    waiting = asyncio.create_task(undisturbed(work()))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert swallowed == 3


async def test_a_cancellation_counts_though_the_work_takes_it_for_its_own() -> None:
    closing = asyncio.Event()
    loop_of_the_client = asyncio.create_task(asyncio.Event().wait())

    async def close() -> None:
        loop_of_the_client.cancel()
        closing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await loop_of_the_client

    waiting = asyncio.create_task(undisturbed(close()))
    await closing.wait()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
