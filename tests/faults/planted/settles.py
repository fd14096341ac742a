"""Bugs of settling."""

from typing import Any

from faults.planted.replacing import instead, replace
from msgspec import structs

from sendto_dispatcher.domain import settle
from sendto_dispatcher.domain.endings import Finished
from sendto_dispatcher.store import settles

_TOKENS = "SELECT id, lease_token FROM lane WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"


def settle_unfenced() -> None:
    """A settle counts though its lease has passed to someone else."""
    served: dict[int, int] = {}

    def make(original: Any) -> Any:
        async def unfenced(connection: Any, records: Any, policy_of: Any, **named: Any) -> Any:
            lanes = [record.finished.lane_id for record in records]
            rows = await connection.fetch(_TOKENS, lanes)
            held = {row["id"]: row["lease_token"] for row in rows}
            served.update({record.finished.lane_id: record.finished.generation for record in records})
            passing = [
                structs.replace(
                    record,
                    finished=structs.replace(record.finished, lease_token=held[record.finished.lane_id]),
                )
                for record in records
            ]
            return await original(connection, passing, policy_of, **named)

        return unfenced

    def make_columns(original: Any) -> Any:
        def columns(row: Any) -> Any:
            lane = original(row)
            return lane if lane.lease_generation else structs.replace(lane, lease_generation=served[row["id"]])

        return columns

    replace(settles, "write_settles", make)
    # Of a lane that nobody holds there is neither a generation nor a token to be written.
    replace(settles, "_columns", make_columns)
    replace(settles, "_SETTLE", instead("h.lease_token, $4", "coalesce(h.lease_token, gen_random_uuid()), $4"))


def generation_ignored() -> None:
    """A settle counts for whatever generation is desired when it is written."""

    def make(original: Any) -> Any:
        def careless(lane: settle.Columns, finished: Finished, *arguments: Any, **named: Any) -> Any:
            served = structs.replace(finished, generation=lane.desired_generation)
            return original(lane, served, *arguments, **named)

        return careless

    replace(settle, "settle", make)


def late_rejection_buries() -> None:
    """A rejection lets the lane die, though newer state has come."""
    replace(settle, "_current", lambda _: lambda *_: True)


BUGS = {
    "settle_unfenced": settle_unfenced,
    "generation_ignored": generation_ignored,
    "late_rejection_buries": late_rejection_buries,
}
