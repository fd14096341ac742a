"""Writes orders through the API, and asks the sandbox what it holds of them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic

from sendto.kernel.ids import new_uuid
from sendto_cli.errors import CommandFailed
from sendto_cli.remote import Remote
from sendto_cli.seed.compare import differences
from sendto_cli.seed.orders import SeedOrder

_AT_ONCE = 16
_PAGE = 1_000
_POLL_S = 0.2
_BUSY_PAUSE_S = 1.0
_BUSY_TRIES = 30

Progress = Callable[[int], None]


@dataclass(slots=True)
class Result:
    """What the sandbox holds of the orders.

    Attributes:
        correct: how many it holds as they should be.
        missing: ids of those that it does not hold.
        wrong: by id, the fields that differ.
    """

    correct: int = 0
    missing: list[int] = field(default_factory=list)
    wrong: dict[int, list[str]] = field(default_factory=dict)


async def write(api: Remote, orders: Iterable[SeedOrder], progress: Progress) -> dict[int, SeedOrder]:
    """Create the orders, several at a time; by the ids that they got.

    Raises:
        CommandFailed: the API refuses one, or cannot be reached.
    """
    waiting, written = iter(orders), dict[int, SeedOrder]()

    async def one_after_another() -> None:
        for order in waiting:
            written[await _create(api, order)] = order
            progress(len(written))

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(one_after_another())
    return written


async def compare(sandbox: Remote, written: dict[int, SeedOrder], patience_s: float, progress: Progress) -> Result:
    """Ask until the sandbox holds everything correctly, or nothing has changed for `patience_s`."""
    best, changed = Result(), monotonic()
    while True:
        result = await _look(sandbox, written)
        if result != best:
            best, changed = result, monotonic()
            progress(result.correct)
        if result.correct == len(written) or monotonic() - changed > patience_s:
            return result
        await asyncio.sleep(_POLL_S)


async def _create(api: Remote, order: SeedOrder) -> int:
    key = {"idempotency-key": str(new_uuid())}
    for _ in range(_BUSY_TRIES):
        answer = await api.call("POST", "/v3/orders", order.body, key)
        if answer.status == HTTPStatus.CREATED:
            return int(answer.body["order_id"])
        if answer.status not in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT}:
            raise CommandFailed(f"the API answered {answer.status} to a new order: {answer.body}")
        await asyncio.sleep(_BUSY_PAUSE_S)
    raise CommandFailed("the API is too busy to take the orders")


async def _look(sandbox: Remote, written: dict[int, SeedOrder]) -> Result:
    result, held, cursor = Result(), dict[str, dict[str, object]](), 0
    while page := await sandbox.get(f"/v1/recipients?cursor={cursor}&limit={_PAGE}"):
        if not page["data"]:
            break
        held |= {recipient["reference"]: recipient for recipient in page["data"]}
        cursor = page["next_cursor"]
    for order_id, order in written.items():
        recipient = held.get(str(order_id))
        if recipient is None:
            result.missing.append(order_id)
        elif wrong := differences(order, recipient):
            result.wrong[order_id] = wrong
        else:
            result.correct += 1
    return result
