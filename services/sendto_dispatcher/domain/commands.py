"""The command that an adapter gets for a lane (pure)."""

from datetime import UTC, datetime

from sendto.sdk import Command, Operation, RemoteRef
from sendto_dispatcher.domain.lane import Claim, State


def command_for(
    claim: Claim, operation: Operation, generation: int, state: State | None, *, deadline_s: float
) -> Command:
    """What an adapter is told to do; `state` is what shall be held, None for a delete."""
    lane = claim.lane
    version = state.version if state else lane.version
    told = state or claim.state
    return Command(
        operation=operation,
        reference=lane.reference,
        source=lane.source,
        order_id=lane.order_id,
        version=version.shown,
        generation=generation,
        customer=state.customer if state else None,
        order=state.order if state else None,
        remote=RemoteRef(lane.remote) if lane.remote else None,
        idempotency_key=f"sendto-{lane.id}-{generation}",
        occurred_at=told.occurred_at if told else datetime.now(UTC),
        attempt=lane.attempts + 1,
        deadline_s=deadline_s,
    )


def timed(command: Command, deadline_s: float) -> Command:
    """The command with so many seconds left. Done for each call, and `dataclasses.replace` takes twice as long."""
    return Command(
        operation=command.operation,
        reference=command.reference,
        source=command.source,
        order_id=command.order_id,
        version=command.version,
        generation=command.generation,
        customer=command.customer,
        order=command.order,
        remote=command.remote,
        idempotency_key=command.idempotency_key,
        occurred_at=command.occurred_at,
        attempt=command.attempt,
        deadline_s=deadline_s,
    )
