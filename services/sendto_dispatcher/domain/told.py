"""What upstream systems are told of a settled lane. Rule 9 of the dispatcher's rules; pure."""

from dataclasses import dataclass

from sendto.events.delivery import DeliveryType
from sendto.sdk import Operation
from sendto_dispatcher.domain.endings import CONFIRM, Call
from sendto_dispatcher.domain.settle import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery event. `version` is None where the producer carries none, `provider` where there is none."""

    type: DeliveryType
    order_id: int
    source: str
    provider: str | None
    version: int | None
    attempts: int
    remote: str | None = None
    reason: str | None = None


def told_of(before: Columns, after: Columns, operation: Call | None) -> DeliveryType | None:
    """The type of the event that a settle is worth; None where nothing is decided yet.

    A lane that comes to rest has given up. One whose applied side has moved holds its state, or nothing any more. A
    deletion that was accepted is told once the provider shows that it has happened.
    """
    if after.resting is not None:
        return DeliveryType.DEAD
    if operation == CONFIRM:
        return DeliveryType.REMOVED if before.applied_present and not after.applied_present else None
    if after.applied_generation <= before.applied_generation:
        return None
    if operation is Operation.DELETE and after.applied_present:
        return None
    return DeliveryType.APPLIED if after.applied_present else DeliveryType.REMOVED
