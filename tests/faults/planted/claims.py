"""Bugs of claiming, and of what is sent."""

import asyncio
import dataclasses
from typing import Any

from faults.planted.intake import replace_method
from faults.planted.replacing import instead, replace
from msgspec import structs

from sendto_dispatcher.domain import plan
from sendto_dispatcher.engine import attempt, provider
from sendto_dispatcher.store import claims

_SHORT_LEASE_S = 0.3
_CHANGES_WITHIN_S = 30.0
READ_EARLY = "has read early"
"""what a connection is called meanwhile"""


def lease_shorter_than_the_attempt() -> None:
    """A lease ends long before its attempt may."""

    def make(original: Any) -> Any:
        def build(*arguments: Any, **named: Any) -> Any:
            return dataclasses.replace(original(*arguments, **named), lease_s=_SHORT_LEASE_S)

        return build

    replace(provider, "build_provider", make)


def claim_without_the_row_lock() -> None:
    """Two processes may pick the same lane; a little time between picking and claiming, as there is under load."""
    replace(claims, "_CLAIM", instead("FOR UPDATE SKIP LOCKED", ""))
    replace(claims, "_CLAIM", instead("FROM picked WHERE", "FROM picked, pg_sleep(0.5) WHERE"))


def payload_read_before_the_lock() -> None:
    """The states are read first, then the lanes are locked; in between the order changes."""

    def make(original: Any) -> Any:
        async def early(connection: Any, request: claims.ClaimRequest) -> Any:
            due = await connection.fetch(
                "SELECT order_id, source FROM lane WHERE provider = $1 AND due_at <= clock_timestamp()",
                request.provider,
            )
            states = await claims.states_of(connection, due)
            if due:
                await connection.execute(f"SET LOCAL application_name = '{READ_EARLY}'")
                await _until_one_changes(connection, due)
            found = await original(connection, request)
            return [
                structs.replace(one, state=states.get((one.lane.order_id, one.lane.source), one.state)) for one in found
            ]

        return early

    replace(claims, "claim", make)


async def _until_one_changes(connection: Any, due: Any) -> None:
    for _ in range(int(_CHANGES_WITHIN_S / 0.05)):
        changed = await connection.fetchval(
            "SELECT true FROM lane WHERE order_id = ANY($1::bigint[]) AND desired_version > 1",
            [row["order_id"] for row in due],
        )
        if changed:
            return
        await asyncio.sleep(0.05)


def created_again_in_doubt() -> None:
    """A lane in doubt that is not known to hold anything is created again without a look."""

    def make(original: Any) -> Any:
        def blind(claim: Any, *arguments: Any, **named: Any) -> Any:
            lane = structs.replace(claim.lane, in_doubt=False)
            return original(structs.replace(claim, lane=lane), *arguments, **named)

        return blind

    replace(plan, "plan", make)


def old_payload_retried() -> None:
    """A retry sends what the first attempt sent."""
    first: dict[int, Any] = {}

    def make(original: Any) -> Any:
        def start(self: attempt.Carrier, claim: Any) -> Any:
            if claim.lane.attempts == 0 or claim.lane.id not in first:
                first[claim.lane.id] = claim.state
            return original(self, structs.replace(claim, state=first[claim.lane.id]))

        return start

    replace_method(attempt.Carrier, "start", make)


BUGS = {
    "lease_shorter_than_the_attempt": lease_shorter_than_the_attempt,
    "claim_without_the_row_lock": claim_without_the_row_lock,
    "payload_read_before_the_lock": payload_read_before_the_lock,
    "created_again_in_doubt": created_again_in_doubt,
    "old_payload_retried": old_payload_retried,
}
