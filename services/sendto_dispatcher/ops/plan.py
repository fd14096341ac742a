"""Where an order would go and what exactly would be sent there; nothing is."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, assert_never
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Path
from msgspec import structs
from pydantic import BaseModel

from sendto.events.customer import ORDER_ID_MAX
from sendto.runtime.database import Database
from sendto.sdk import Capabilities, Command, Operation, Rejected, RemoteRef
from sendto.sdk.rehearsal import Rehearsal, rehearse, rehearse_look_up, rehearse_reading
from sendto_dispatcher.domain.commands import command_for
from sendto_dispatcher.domain.lane import Claim, Lane, State
from sendto_dispatcher.domain.plan import Confirm, Learned, LookUp, NothingToDo, Rest, Send, Step, learn, plan
from sendto_dispatcher.ops.configured import Configured, Current, Reached
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.masking import RequestShown, shown, stranger
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.reading import claims_of_order
from sendto_dispatcher.store.tokens import Bearer

OrderId = Annotated[int, Path(ge=1, le=ORDER_ID_MAX)]
_NOT_CALLED = "the adapter cannot translate this state"


class SourcePlan(BaseModel):
    """Where the order of one source goes by the present routes."""

    source: str
    present: bool
    route: str
    providers: list[str]


class LanePlan(BaseModel):
    """What would be done at one provider."""

    provider: str
    source: str
    reference: str
    known: bool
    """whether there is a lane already; else it would be made"""
    does: str
    """create, update, delete, look_up, confirm, nothing, rest"""
    why: str
    shadow: bool
    requests: list[RequestShown]
    """all of them in order, if the provider answers as it is documented and holds what it is known to hold"""
    most_requests: int
    """that it may take"""


class OrderPlan(BaseModel):
    """Where an order would go."""

    order_id: int
    sources: list[SourcePlan]
    lanes: list[LanePlan]


def plan_routes(database: Database, doors: Doors, current: Current) -> APIRouter:
    """The route `/orders/{order_id}/plan`."""
    routes = APIRouter(tags=["orders"])

    @routes.get("/orders/{order_id}/plan")
    async def plan_order(
        order_id: OrderId, bearer: Annotated[Bearer, Depends(doors.reads)], *, personal: bool = False
    ) -> OrderPlan:
        """Where the order would go, with the exact request; secrets and, unless `personal`, its person are masked."""
        if personal and not bearer.may("ops:write"):
            raise HTTPException(HTTPStatus.FORBIDDEN, "to see personal data the token needs the permission ops:write")
        async with database.connection() as connection:
            claims, states = await claims_of_order(connection, order_id)
            if personal:
                await record_change(connection, bearer.name, "plan_personal", {"order_id": order_id})
        if not claims and not states:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"no event of order {order_id} was taken")
        return await order_plan(order_id, claims, states, current(), personal=personal)

    return routes


async def order_plan(
    order_id: int, claims: list[Claim], states: dict[str, State], now: Configured, *, personal: bool
) -> OrderPlan:
    """The plan, from what is known of the order and the configuration in force; nothing is sent."""
    sources = [_source(source, state, now) for source, state in states.items()]
    known = {(claim.lane.source, claim.lane.provider) for claim in claims}
    to_come = [
        _lane_to_come(order_id, source.source, provider, states[source.source], now)
        for source in sources
        if source.present
        for provider in source.providers
        if (source.source, provider) not in known
    ]
    lanes = [await _lane_plan(claim, now, personal=personal) for claim in [*claims, *to_come]]
    return OrderPlan(order_id=order_id, sources=sources, lanes=lanes)


def _source(source: str, state: State, now: Configured) -> SourcePlan:
    route, providers = now.routing.route(state.order, source)
    return SourcePlan(source=source, present=state.customer is not None, route=route, providers=list(providers))


def _lane_to_come(order_id: int, source: str, provider: str, state: State, now: Configured) -> Claim:
    """A lane that there is not yet, as the next event of the order would make it."""
    lane = Lane(
        id=0,
        provider=provider,
        source=source,
        order_id=order_id,
        reference=f"{now.prefixes.get(source, '')}{order_id}",
        incarnation=1,
        generation=1,
        version=state.version,
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
        lease_token=UUID(int=0),
    )
    return Claim(lane=lane, state=state)


async def _lane_plan(claim: Claim, now: Configured, *, personal: bool) -> LanePlan:
    lane, reached = claim.lane, now.reached.get(claim.lane.provider)
    if reached is None:
        return _told(claim, "nothing", _unserved(lane.provider, now))
    step = plan(claim, reached.adapter.capabilities, attempt_s=reached.timeout_s)
    does, why = _words(step, claim)
    try:
        rehearsal = await _rehearsed(claim, step, reached, personal=True)
        others = rehearsal if personal else await _rehearsed(claim, step, reached, personal=False)
    except Exception:  # noqa: BLE001 - a plugin's bug is told, not raised
        return _told(claim, does, _NOT_CALLED, shadow=reached.shadow)
    match rehearsal:
        case Rehearsal([], Rejected(code, detail)):
            why = f"the adapter would refuse it ({code}{': ' if detail else ''}{detail}) and send nothing"
        case _:
            pass
    pairs = zip(rehearsal.requests, [*others.requests, *[None] * len(rehearsal.requests)], strict=False)
    requests = [shown(request, other, reached.secrets) for request, other in pairs]
    return _told(
        claim, does, why, shadow=reached.shadow, requests=requests, most=_most(step, reached.adapter.capabilities)
    )


def _unserved(provider: str, now: Configured) -> str:
    if problem := now.broken.get(provider):
        return f"{provider} cannot be served ({problem}): the lane waits"
    if provider in now.disabled:
        return f"{provider} is disabled in the configuration: the lane waits"
    return "no such provider is configured: the lane waits"


def _told(
    claim: Claim,
    does: str,
    why: str,
    *,
    shadow: bool = False,
    requests: Sequence[RequestShown] = (),
    most: int = 0,
) -> LanePlan:
    lane = claim.lane
    return LanePlan(
        provider=lane.provider,
        source=lane.source,
        reference=lane.reference,
        known=lane.id > 0,
        does=does,
        why=why,
        shadow=shadow,
        requests=list(requests),
        most_requests=most,
    )


def _words(step: Step, claim: Claim) -> tuple[str, str]:
    match step:
        case Send(operation):
            held = claim.lane.applied_generation == claim.lane.generation and not claim.lane.in_doubt
            return str(operation), "it holds this already: sent by a replay" if held else _because(operation)
        case LookUp():
            why = "a create may have succeeded: it is looked up by our reference; what follows is sent if it is there"
            return "look_up", why
        case Confirm():
            return "confirm", "the provider accepted the state: it is read back"
        case NothingToDo():
            return "nothing", "it holds what it should"
        case Rest(_, reason, detail):
            return "rest", f"{reason}: {detail}" if detail else reason


def _because(operation: Operation) -> str:
    match operation:
        case Operation.CREATE:
            return "it holds nothing of the order"
        case Operation.UPDATE:
            return "it holds an older state"
        case Operation.DELETE:
            return "the customer is gone, or the order goes elsewhere"


async def _rehearsed(claim: Claim, step: Step, reached: Reached, *, personal: bool) -> Rehearsal:
    """What the step would send for the order's person, or else for a stranger."""

    def command_of(send: Send) -> Command:
        command = command_for(claim, send.operation, send.generation, send.state, deadline_s=reached.timeout_s)
        return command if personal else stranger(command)

    match step:
        case Send():
            return await rehearse(reached.remake, command_of(step))
        case LookUp():
            return await rehearse_look_up(reached.remake, command_of(_if_found(claim, reached)))
        case Confirm(remote, state):
            operation = Operation.UPDATE if state else Operation.DELETE
            command = command_of(Send(operation, claim.lane.generation, state))
            return await rehearse_reading(reached.remake, command, RemoteRef(remote))
        case NothingToDo() | Rest():
            return Rehearsal([])
        case _:
            assert_never(step)


def _if_found(claim: Claim, reached: Reached) -> Send:
    """What follows a look-up that finds the object."""
    found = structs.replace(claim, lane=learn(claim.lane, Learned(present=True)))
    step = plan(found, reached.adapter.capabilities, attempt_s=reached.timeout_s)
    return step if isinstance(step, Send) else Send(Operation.DELETE, claim.lane.generation, None)


def _most(step: Step, capabilities: Capabilities) -> int:
    match step:
        case Send(operation):
            return capabilities.requests_of(operation)
        case LookUp():
            return 1 + max(map(capabilities.requests_of, Operation))
        case Confirm():
            return 1
        case _:
            return 0
