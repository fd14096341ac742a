"""What a claimed lane needs next: a call, a look-up before it, no call at all, or rest.

Rules 15, 18, 19, 28 and 31 of the dispatcher's rules.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from sendto.sdk import Capabilities, DeleteMode, Idempotency, Operation
from sendto_dispatcher.domain.lane import Claim, Kept, Lane, Resting, State


@dataclass(frozen=True, slots=True)
class Send:
    """Call the provider. `generation` and `state` are the kept ones where a create in doubt is repeated."""

    operation: Operation
    generation: int
    state: State | None
    keep: bool = False
    """keep what is sent until the outcome is known"""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the provider whether it holds an object, then plan again with `learned`."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """Ask the provider whether it shows the state that it has accepted; `state` is None after a deletion."""

    remote: str
    state: State | None


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The provider holds what it should; no call."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The lane rests, and why."""

    resting: Resting
    reason: str
    detail: str = ""


Step = Send | LookUp | Confirm | NothingToDo | Rest


@dataclass(frozen=True, slots=True)
class Learned:
    """What a look-up told: whether the provider holds an object, and its id there."""

    present: bool
    remote: str | None = None


def learn(lane: Lane, learned: Learned) -> Lane:
    """The lane after a look-up: nothing about presence is in doubt any more, the content is unknown."""
    return replace(
        lane,
        in_doubt=False,
        applied_present=learned.present,
        remote=learned.remote if learned.present else None,
        digest=None,
    )


def plan(claim: Claim, capabilities: Capabilities, *, attempt_s: float = 0.0) -> Step:
    """The next step of a claimed lane. Whether an update would change anything is asked apart, by digest.

    `attempt_s` is the longest that the attempt may take: a request key must outlive it.
    """
    lane = claim.lane
    if lane.unconfirmed and lane.remote and capabilities.has_fetch and lane.applied_generation == lane.generation:
        return _confirm(claim, lane.remote)
    if lane.in_doubt and not lane.applied_present and not capabilities.repeatable_create:
        return _create_in_doubt(lane, capabilities, attempt_s)
    if not lane.desired_present:
        return _absent(lane, capabilities)
    if claim.state is None or claim.state.customer is None:
        return Rest(Resting.DEAD, "no_state", "the order's state is not known any more")
    return _present(lane, claim.state, capabilities)


def _confirm(claim: Claim, remote: str) -> Step:
    if not claim.lane.desired_present:
        return Confirm(remote, None)
    if claim.state is None or claim.state.customer is None:
        return NothingToDo()
    return Confirm(remote, claim.state)


def _create_in_doubt(lane: Lane, capabilities: Capabilities, attempt_s: float) -> Step:
    """A create may have been sent, and sending another could make a second object."""
    match capabilities.idempotency:
        case Idempotency.LOOKUP:
            return LookUp()
        case Idempotency.REQUEST_KEY:
            return _repeat(lane.kept, capabilities, attempt_s)
        case _:
            return Rest(Resting.UNKNOWN, "outcome_unknown", "a create may have succeeded, and the provider cannot tell")


def _repeat(kept: Kept | None, capabilities: Capabilities, attempt_s: float) -> Step:
    if kept is None or kept.state is None:
        return Rest(Resting.UNKNOWN, "outcome_unknown", "what was sent is not known any more")
    if kept.age_s + attempt_s >= capabilities.request_key_ttl_s:
        return Rest(Resting.UNKNOWN, "outcome_unknown", "the provider has forgotten the request's key")
    return Send(Operation.CREATE, kept.generation, kept.state, keep=True)


def _absent(lane: Lane, capabilities: Capabilities) -> Step:
    if not lane.applied_present and not lane.in_doubt:
        return NothingToDo()
    if not capabilities.supports_delete or capabilities.delete_mode is DeleteMode.NONE:
        return Rest(Resting.UNSUPPORTED, "delete_unsupported", "remains at provider")
    return Send(Operation.DELETE, lane.generation, None)


def _present(lane: Lane, state: State, capabilities: Capabilities) -> Step:
    missing = missing_requirement(state, capabilities)
    if missing is not None:
        return missing
    if not lane.applied_present:
        keep = capabilities.idempotency is Idempotency.REQUEST_KEY and not capabilities.upsert
        return Send(Operation.CREATE, lane.generation, state, keep=keep)
    if not capabilities.supports_update and not capabilities.upsert:
        return Rest(Resting.UNSUPPORTED, "update_unsupported", "the provider keeps the older state")
    return Send(Operation.UPDATE, lane.generation, state)


def missing_requirement(state: State, capabilities: Capabilities) -> Rest | None:
    """Why the provider cannot take this state at all, or None if it can."""
    order_type = state.order.order_type if state.order else None
    if capabilities.order_types and order_type not in capabilities.order_types:
        return Rest(Resting.UNSUPPORTED, "order_type_unsupported", f"does not serve {order_type or 'unknown'} orders")
    unmet = capabilities.unmet(state.customer, state.order) if state.customer else None
    return Rest(Resting.DEAD, f"needs_{unmet}", f"needs {unmet}") if unmet else None
