"""What the core asks of an adapter, and what it gets back besides outcomes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sendto.events.customer import Customer, OrderSnapshot
from sendto.sdk.outcomes import RemoteRef


class Operation(StrEnum):
    """What shall be done at the provider. It is `create` until one create has surely succeeded, then `update`."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One operation for one lane. Its repr leaves out the customer and the order, which are personal data.

    Attributes:
        operation: what to do.
        reference: our stable external id of the object, `51342` or `L-51342`.
        source: URI of the producer whose order it is.
        order_id: the order.
        version: the order's version, None where the producer carries none. For people; never compared by adapters.
        generation: rises with every change of what the provider shall hold; the newer one is right.
        customer: the state to send; None in a delete.
        order: the order's snapshot, as far as it is known.
        remote: the provider's own id, if an earlier outcome brought it.
        idempotency_key: the same for all attempts of one generation, another for the next.
        occurred_at: when the state came to be, by its producer's clock.
        attempt: from 1, counted within the generation.
        deadline_s: seconds left for the whole call when it starts.
    """

    operation: Operation
    reference: str
    source: str
    order_id: int
    version: int | None
    generation: int
    customer: Customer | None = field(repr=False)
    order: OrderSnapshot | None = field(repr=False)
    remote: RemoteRef | None
    idempotency_key: str
    occurred_at: datetime
    attempt: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What a provider holds, in the same form as `Adapter.content` gives for what it should hold.

    Members of `content` that the provider keeps in its own way, so that they cannot be compared, are left out.
    """

    remote: RemoteRef | None
    content: dict[str, object] = field(repr=False)


class HealthVerdict(StrEnum):
    """What `check()` found."""

    PASSES = "passes"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the provider can be used with the configured address and credentials; `detail` in safe words."""

    verdict: HealthVerdict
    detail: str = ""
