"""Bugs of the intake."""

from collections.abc import Sequence
from typing import Any

from faults.planted.replacing import replace, without

import sendto_dispatcher.store.intake as store
from sendto.events.envelope import CustomerEvent
from sendto.runtime.failpoints import Point, reach
from sendto_dispatcher.domain import fold
from sendto_dispatcher.intake import intake


def position_before_its_batch() -> None:
    """The positions are stored in a transaction of their own, before the batch's."""
    lock, advance = store._lock_positions, store._advance

    def make(original: Any) -> Any:
        async def take_in_two_steps(self: intake.Intake, records: Sequence[Any]) -> Any:
            async def first(connection: Any) -> Sequence[Any]:
                positions = await lock(connection, self._cluster_id, records)
                fresh = [one for one in records if one.offset >= positions[one.topic, one.partition]]
                await advance(connection, fresh)
                return fresh

            fresh = await self._database.in_transaction(first)
            reach(Point.INTAKE_WRITTEN)
            return await original(self, fresh)

        return take_in_two_steps

    replace_method(intake.Intake, "_take", make)
    replace(store, "_advance", lambda _: _nothing)
    replace(store, "_lock_positions", lambda _: _from_the_beginning)


async def _nothing(*_: object) -> None:
    return None


async def _from_the_beginning(_: Any, __: str, records: Sequence[Any]) -> dict[tuple[str, int], int]:
    return {(record.topic, record.partition): 0 for record in records}


def version_not_compared() -> None:
    """What comes last counts, whatever its version."""
    original = fold._compare

    def compare(state: Any, event: CustomerEvent) -> Any:
        verdict, carried, version = original(state, event)
        if verdict is fold.TakeVerdict.STALE:
            verdict = fold.TakeVerdict.COUNTED
        return verdict, carried, version

    replace(fold, "_compare", lambda _: compare)
    replace(
        store,
        "_UPSERT_STATES",
        without("WHERE (excluded.carried, excluded.version) > (order_state.carried, order_state.version)"),
    )


def unknown_deletion_forgotten() -> None:
    """The deletion of an order that is not known is not kept."""

    def make(original: Any) -> Any:
        def forgetful(known: Any, arrived: Sequence[fold.Arrived], routing: Any) -> fold.Folded:
            folded: fold.Folded = original(known, arrived, routing)
            forgotten = known is None and folded.state is not None and not folded.state.present
            return fold.Folded(None, folded.verdicts) if forgotten else folded

        return forgetful

    replace(fold, "fold", make)


def replace_method(owner: Any, name: str, make: Any) -> None:
    """Put what `make` makes of a method in its place."""
    setattr(owner, name, make(getattr(owner, name)))


BUGS = {
    "position_before_its_batch": position_before_its_batch,
    "version_not_compared": version_not_compared,
    "unknown_deletion_forgotten": unknown_deletion_forgotten,
}
