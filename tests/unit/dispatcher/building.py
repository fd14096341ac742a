"""Lanes, claims, columns and endings for tests of the pure rules: made with few words, changed where a test says so."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from sendto.events.customer import Customer, OrderSnapshot
from sendto.kernel.backoff import Backoff
from sendto.sdk import Capabilities, Idempotency, Operation
from sendto_dispatcher.domain.endings import Ending, Finished
from sendto_dispatcher.domain.lane import Claim, Kept, Lane, State, Version
from sendto_dispatcher.domain.settle import Columns, Policy

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN = UUID(int=1)
GENERATION = 1_000
"""far below the milliseconds of NOW, so that a new generation shows the clock"""
NOW_MS = int(NOW.timestamp() * 1000)

UPSERT = Capabilities(upsert=True, idempotency=Idempotency.NATURAL_KEY)
NATURAL_KEY = Capabilities(idempotency=Idempotency.NATURAL_KEY)
LOOKUP = Capabilities(idempotency=Idempotency.LOOKUP, lookup_lag_s=7.0)
REQUEST_KEY = Capabilities(idempotency=Idempotency.REQUEST_KEY, request_key_ttl_s=3_600.0)
NOTHING = Capabilities(idempotency=Idempotency.NONE)
ALL_CAPABILITIES = [UPSERT, NATURAL_KEY, LOOKUP, REQUEST_KEY, NOTHING]


def later(seconds: float) -> datetime:
    """So long after NOW."""
    return NOW + timedelta(seconds=seconds)


def state(version: int = 1, **customer: Any) -> State:
    """An order's newest state; `order` in `customer` is the order's snapshot."""
    order = OrderSnapshot(**customer.pop("order", {"order_type": "delivery"}))
    person = Customer(**({"first_name": "Ada", "last_name": "Lovelace"} | customer))
    return State(version=Version(carried=True, number=version), customer=person, order=order, occurred_at=NOW)


def kept(generation: int = GENERATION, age_s: float = 60.0, body: State | None = None) -> Kept:
    """What a create with a request key sent."""
    return Kept(generation=generation, state=body or state(), age_s=age_s)


def lane(**changes: Any) -> Lane:
    """A claimed lane that should hold a customer and holds nothing."""
    plain = Lane(
        id=1,
        provider="acme",
        source="/shop",
        order_id=7,
        reference="7",
        incarnation=1,
        generation=GENERATION,
        version=Version(carried=True, number=1),
        desired_present=True,
        applied_generation=0,
        applied_present=False,
        unconfirmed=False,
        remote=None,
        digest=None,
        in_doubt=False,
        kept=None,
        attempts=0,
        hanging=False,
        lease_token=TOKEN,
    )
    return replace(plain, **changes)


def claim(known: State | None = None, **changes: Any) -> Claim:
    """A claim of such a lane with the newest state."""
    return Claim(lane=lane(**changes), state=known if known is not None else state())


def columns(**changes: Any) -> Columns:
    """The columns of such a lane, leased and so in doubt, as its settle finds them."""
    plain = Columns(
        reference="7",
        incarnation=1,
        desired_generation=GENERATION,
        desired_present=True,
        applied_generation=0,
        applied_version=None,
        applied_present=False,
        unconfirmed=False,
        remote=None,
        digest=None,
        resend_generation=0,
        in_doubt=True,
        lease_generation=GENERATION,
        lease_doubt=False,
        kept=False,
        due_at=later(15),
        not_before=None,
        attempts=0,
        failing_since=None,
        failing_stopped_s=None,
        hanging=False,
        resting=None,
        reason=None,
        detail=None,
        behind_since=later(-1),
    )
    return replace(plain, **changes)


def finished(ending: Ending, operation: Any = Operation.CREATE, **changes: Any) -> Finished:
    """An attempt that was sent and ended like this."""
    plain = Finished(
        lane_id=1,
        lease_token=TOKEN,
        operation=operation,
        generation=GENERATION,
        version=Version(carried=True, number=1),
        ending=ending,
        sent=True,
        number=1,
        requests=1,
        digest=b"digest",
    )
    return replace(plain, **changes)


def policy(capabilities: Capabilities = UPSERT, **changes: Any) -> Policy:
    """Backoff from one second, doubled each time, up to a hundred; given up after a thousand."""
    plain = Policy(backoff=Backoff(base_s=1, cap_s=100), give_up_after_s=1_000, capabilities=capabilities)
    return replace(plain, **changes)
