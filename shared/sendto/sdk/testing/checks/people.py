"""People as they are: names in every writing, missing addresses, numbers that are none."""

from sendto.events.customer import Customer
from sendto.sdk.commands import Operation
from sendto.sdk.outcomes import Accepted, Applied, Outcome, Rejected, Unsupported
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.people import NAMES, REACHED
from sendto.sdk.testing.stage import Stage


@check()
async def names_arrive_as_they_are(stage: Stage) -> None:
    """Names in every writing, of one word or of two hundred characters, arrive as `content` says."""
    for kind, customer in NAMES.items():
        lane = Lane.new(stage)
        outcome = await _brought(stage, lane, customer)
        if isinstance(outcome, Unsupported):
            continue
        require(isinstance(outcome, Applied | Accepted), f"a name ({kind}) came to {outcome}")
        lane.holds(customer, f"a name ({kind})")


@check()
async def who_cannot_be_reached_is_dealt_with(stage: Stage) -> None:
    """Customers without e-mail or phone, or with a number that is none, arrive or are refused; nothing breaks."""
    for kind, customer in REACHED.items():
        lane = Lane.new(stage)
        outcome = await _brought(stage, lane, customer)
        require(
            isinstance(outcome, Applied | Accepted | Rejected | Unsupported),
            f"a customer ({kind}) came to {outcome}",
        )
        if isinstance(outcome, Applied | Accepted):
            lane.holds(customer, f"a customer ({kind})")


@check()
async def an_order_without_details_is_dealt_with(stage: Stage) -> None:
    """An order of which nothing but its customer is known arrives, or what it lacks is in `requires`."""
    customer = NAMES["unicode"]
    for order in (
        None,
        stage.case.order.model_copy(update={"address": None, "comment": None, "order_date_time": None}),
    ):
        if stage.capabilities.unmet(customer, order) is not None:
            continue
        command = stage.command(Operation.CREATE, stage.new_reference(), customer)
        bare = type(command)(**{name: getattr(command, name) for name in type(command).__slots__} | {"order": order})
        outcome = await stage.apply(bare)
        require(
            isinstance(outcome, Applied | Accepted | Rejected),
            f"an order with {'few details' if order else 'no details'} came to {outcome}",
        )


async def _brought(stage: Stage, lane: Lane, customer: Customer) -> Outcome:
    """Bring a customer there, as the core does: what lacks a requirement is never sent."""
    if stage.capabilities.unmet(customer, stage.case.order) is not None:
        return Unsupported("unmet")
    return await lane.bring(customer)
