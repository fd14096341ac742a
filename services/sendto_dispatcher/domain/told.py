"""What upstream systems are told of a settled lane. Rule 9 of the dispatcher's rules; pure."""

from dataclasses import dataclass

from sendto.events.delivery import DeliveryType
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


def told_of(before: Columns, after: Columns) -> DeliveryType | None:
    """The type of the event that a settle is worth; None where nothing is decided yet.

    A lane that comes to rest has given up. One whose applied side has moved holds its state, or nothing any more.
    """
    if after.resting is not None:
        return DeliveryType.DEAD
    if after.applied_generation <= before.applied_generation:
        return None
    return DeliveryType.APPLIED if after.applied_present else DeliveryType.REMOVED
