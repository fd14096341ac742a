"""A batch that the database refuses for its data is halved until the culprit is found. Rule 8."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from msgspec.structs import replace

from sendto.events.decode import Rejection, RejectReason
from sendto_dispatcher.store.taking import Record, Taken

_REFUSED_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


async def by_halves(take: Callable[[Sequence[Record]], Awaitable[Taken]], records: Sequence[Record]) -> Taken:
    """Take a batch; what the database refuses for its data is found by halving and rejected."""
    try:
        return await take(records)
    except _REFUSED_DATA as error:
        if len(records) == 1:
            if isinstance(records[0].decoded, Rejection):
                raise  # even the rejection is refused: a fault of ours, said aloud
            return await by_halves(take, [_refused(records[0], error)])
        half = len(records) // 2
        return _both(await by_halves(take, records[:half]), await by_halves(take, records[half:]))


def _refused(record: Record, error: Exception) -> Record:
    decoded = record.decoded
    source, order_id = decoded.source, decoded.order_id
    rejection = Rejection(
        RejectReason.NOT_STORABLE, f"the database refuses it: {type(error).__name__}", source, order_id
    )
    return replace(record, decoded=rejection)


def _both(one: Taken, other: Taken) -> Taken:
    def add(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
        return {name: left.get(name, 0) + right.get(name, 0) for name in left | right}

    verdicts = add(dict(one.verdicts), dict(other.verdicts))
    rejected = add(dict(one.rejected), dict(other.rejected))
    return Taken(verdicts, rejected, one.lanes + other.lanes, one.unrouted + other.unrouted)
