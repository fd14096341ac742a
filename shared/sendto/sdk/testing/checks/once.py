"""One order, one object, in its newest state, whatever got lost on the way."""

from sendto.sdk.adapter import Capabilities, Idempotency
from sendto.sdk.commands import Operation
from sendto.sdk.outcomes import Accepted, AlreadyAbsent, Applied, Rejected
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.messages import Afterwards, Answer, Reset
from sendto.sdk.testing.people import CANARIA, SERINUS
from sendto.sdk.testing.provider import always, at
from sendto.sdk.testing.stage import Stage


def _updates(_: Case, can: Capabilities) -> bool:
    return can.supports_update or can.upsert


def _deletes(_: Case, can: Capabilities) -> bool:
    return can.supports_delete


def _can_find_out(_: Case, can: Capabilities) -> bool:
    return can.repeatable_create or can.idempotency is not Idempotency.NONE


@check()
async def a_create_makes_one_object(stage: Stage) -> None:
    """A create makes one object, which holds the customer."""
    lane = await Lane.new(stage).create()
    lane.holds(CANARIA, "after a create")


@check(_updates)
async def an_update_changes_it(stage: Stage) -> None:
    """An update changes the object that is there, and makes no other."""
    lane = await Lane.new(stage).create()
    outcome = await lane.bring(SERINUS)
    require(isinstance(outcome, Applied | Accepted), f"a plain update came to {outcome}")
    lane.holds(SERINUS, "after an update")


@check(_updates)
async def an_update_survives_a_restart(stage: Stage) -> None:
    """An update works with what the core keeps of an object, on another instance of the adapter."""
    lane = await Lane.new(stage).create()
    stage.adapter = stage.new_adapter()
    await lane.bring(SERINUS)
    lane.holds(SERINUS, "after an update by another instance")


@check(_deletes)
async def a_delete_takes_it_away_and_may_be_repeated(stage: Stage) -> None:
    """A delete takes the object away; of what is missing it says that it is absent, or done."""
    lane = await Lane.new(stage).create()
    gone = stage.command(Operation.DELETE, lane.reference, remote=lane.remote, generation=2)
    first = await stage.apply(gone)
    require(isinstance(first, Applied | Accepted | AlreadyAbsent), f"a plain delete came to {first}")
    require(lane.objects == 0, f"after a delete the provider holds {lane.objects} objects")
    second = await stage.apply(gone)
    require(
        isinstance(second, Applied | Accepted | AlreadyAbsent),
        f"a delete of what is missing came to {second}; the provider holds nothing, so it is done: AlreadyAbsent",
    )


@check(_deletes)
async def a_delete_without_an_object_is_done(stage: Stage) -> None:
    """A delete of what was never made, by our reference alone, is done too."""
    outcome = await stage.apply(stage.command(Operation.DELETE, stage.new_reference()))
    require(
        isinstance(outcome, Applied | Accepted | AlreadyAbsent),
        f"a delete of what was never made came to {outcome}; return AlreadyAbsent",
    )


@check(_updates)
async def an_update_of_what_is_missing_leads_to_a_create(stage: Stage) -> None:
    """An update of what the provider lost comes to AlreadyAbsent, or makes it again; the core then creates once."""
    lane = await Lane.new(stage).create()
    stage.empty()
    outcome = await lane.bring(SERINUS)
    require(
        not isinstance(outcome, Rejected),
        f"an update of what is missing came to {outcome}; return AlreadyAbsent, then the core creates it again",
    )
    lane.holds(SERINUS, "after an update of what was missing")


@check(lambda case, can: _updates(case, can) and can.supports_delete and can.reference_reusable)
async def what_was_deleted_can_come_back(stage: Stage) -> None:
    """After a delete a newer state makes one object again."""
    lane = await Lane.new(stage).create()
    await lane.bring(None)
    await lane.bring(SERINUS)
    lane.holds(SERINUS, "after a delete and newer state")


@check(lambda _, can: can.repeatable_create)
async def the_same_create_twice_makes_one_object(stage: Stage) -> None:
    """A create that is sent again makes no second object."""
    lane = Lane.new(stage)
    for attempt in (1, 2):
        outcome = await stage.apply(stage.command(Operation.CREATE, lane.reference, attempt=attempt))
        require(isinstance(outcome, Applied | Accepted), f"a create, sent the {attempt}. time, came to {outcome}")
    lane.holds(CANARIA, "capabilities say that a create may be repeated")


@check(_can_find_out)
async def a_crash_before_the_reference_is_saved_doubles_nothing(stage: Stage) -> None:
    """A create that succeeded and was forgotten is found out, and ends as one object in the newest state."""
    lane = Lane.new(stage)
    lane.generation = 1
    lane.sent = stage.command(Operation.CREATE, lane.reference)
    await stage.apply(lane.sent)
    lane.in_doubt = True
    stage.adapter = stage.new_adapter()
    await lane.bring(SERINUS)
    lane.holds(SERINUS if _updates(stage.case, stage.capabilities) else CANARIA, "after a crash in a create")


@check(_can_find_out)
async def a_lost_answer_doubles_nothing(stage: Stage) -> None:
    """A create whose answer is lost at any of its requests ends as one object in the newest state."""
    for fault in (
        Afterwards(),
        Afterwards(Answer(500)),
        Afterwards(Answer(504)),
        Afterwards(Answer(200, b"")),
        Reset(),
    ):
        for number in range(1, stage.capabilities.requests_of(Operation.CREATE) + 1):
            lane = Lane.new(stage)
            stage.provider.follow(at(number, fault))
            await lane.bring(CANARIA)
            stage.provider.follow(None)
            where = f"after request {number} of a create came to {fault}"
            if isinstance(fault, Reset) or lane.objects:
                require(lane.objects == 1, f"{where}: the provider holds {lane.objects} objects for one order")
            if _updates(stage.case, stage.capabilities):
                await lane.bring(SERINUS)
                lane.holds(SERINUS, where)


@check()
async def one_call_makes_at_most_one_object(stage: Stage) -> None:
    """A call does not repeat a create by itself when the answer is lost: finding out is the core's part."""
    lane = Lane.new(stage)
    stage.provider.follow(always(Afterwards()))
    await stage.apply(stage.command(Operation.CREATE, lane.reference))
    require(
        lane.objects <= 1,
        f"one create, whose answers were all lost, made {lane.objects} objects; "
        "do not send again in the adapter: let the failure through, or return Ambiguous",
    )
