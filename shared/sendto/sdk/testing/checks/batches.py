"""Several commands in one request, one outcome for each."""

from sendto.sdk.adapter import Capabilities
from sendto.sdk.commands import Command, Operation
from sendto.sdk.outcomes import Accepted, AlreadyAbsent, Applied, Outcome, RateLimited, Unauthorized
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.messages import Afterwards, Answer, Instead, Reset
from sendto.sdk.testing.people import CANARIA, SERINUS
from sendto.sdk.testing.provider import always
from sendto.sdk.testing.stage import Stage

_FAILURES = (301, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503)


def _batches(_: Case, can: Capabilities) -> bool:
    return can.batch > 1


@check(_batches)
async def a_batch_is_one_request(stage: Stage) -> None:
    """A batch of any size up to the most is one request, and every lane of it is carried out."""
    for size in sorted({2, 3, stage.capabilities.batch}):
        lanes = [Lane.new(stage) for _ in range(size)]
        http = stage.http()
        tokens_before = stage.provider.tokens_asked
        outcomes = await stage.apply_many([stage.command(Operation.CREATE, lane.reference) for lane in lanes], http)
        require(_all_done(outcomes), f"a batch of {size} plain creates came to {_kinds(outcomes)}")
        made = len(http.requests) - (stage.provider.tokens_asked - tokens_before)
        require(made == 1, f"a batch of {size} made {made} requests; it counts as one in the rate limit")
        for lane in lanes:
            lane.holds(CANARIA, f"after a batch of {size} creates")


@check(lambda case, can: _batches(case, can) and Operation.UPDATE in can.batch_operations)
async def a_batch_of_updates_changes_each(stage: Stage) -> None:
    """A batch of updates changes each object, with the ids that the creates gave."""
    lanes = [await Lane.new(stage).create() for _ in range(3)]
    commands = [
        stage.command(Operation.UPDATE, lane.reference, SERINUS, remote=lane.remote, generation=2) for lane in lanes
    ]
    outcomes = await stage.apply_many(commands)
    require(_all_done(outcomes), f"a batch of plain updates came to {_kinds(outcomes)}")
    for lane in lanes:
        lane.holds(SERINUS, "after a batch of updates")


@check(lambda case, can: _batches(case, can) and Operation.DELETE in can.batch_operations)
async def a_batch_of_deletes_takes_each_away(stage: Stage) -> None:
    """A batch of deletes takes each object away."""
    lanes = [await Lane.new(stage).create() for _ in range(3)]
    commands = [stage.command(Operation.DELETE, lane.reference, remote=lane.remote, generation=2) for lane in lanes]
    outcomes = await stage.apply_many(commands)
    require(
        all(isinstance(one, Applied | Accepted | AlreadyAbsent) for one in outcomes), f"it came to {_kinds(outcomes)}"
    )
    require(not any(lane.objects for lane in lanes), "after a batch of deletes the provider still holds one")


@check(_batches)
async def a_failed_batch_is_no_success_for_anyone(stage: Stage) -> None:
    """Whatever is answered to a batch, no lane is called done that the provider does not hold."""
    for status in _FAILURES:
        for body in (None, b"<html>Oops</html>", {"errors": ["Oops"]}):
            stage.provider.follow(always(Instead(Answer(status, body))))
            outcomes = await stage.apply_many(_creates(stage, 3)[1])
            stage.provider.follow(None)
            require(
                not any(isinstance(one, Applied | Accepted) for one in outcomes), f"{status} came to {_kinds(outcomes)}"
            )
            if status == 429:
                require(all(isinstance(one, RateLimited) for one in outcomes), f"429 came to {_kinds(outcomes)}")
            if status == 401:
                require(all(isinstance(one, Unauthorized) for one in outcomes), f"401 came to {_kinds(outcomes)}")


@check(_batches)
async def a_batch_that_is_refused_for_one_doubles_nothing(stage: Stage) -> None:
    """A batch that was refused, or whose answer was lost, and is then sent lane by lane makes one object for each."""
    for fault in (Instead(Answer(422, {"errors": ["one of them"]})), Afterwards(), Reset()):
        lanes, commands = _creates(stage, 3)
        stage.provider.follow(always(fault))
        outcomes = await stage.apply_many(commands)
        stage.provider.follow(None)
        require(not _all_done(outcomes), f"{fault} came to {_kinds(outcomes)}")
        for lane, command in zip(lanes, commands, strict=True):
            lane.generation, lane.sent, lane.in_doubt = 1, command, not isinstance(fault, Instead)
            await lane.bring(CANARIA)
            lane.holds(CANARIA, "after a batch that failed and the lane alone")


def _creates(stage: Stage, size: int) -> tuple[list[Lane], list[Command]]:
    lanes = [Lane.new(stage) for _ in range(size)]
    return lanes, [stage.command(Operation.CREATE, lane.reference) for lane in lanes]


def _all_done(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Applied | Accepted) for outcome in outcomes)


def _kinds(outcomes: list[Outcome]) -> str:
    return ", ".join(sorted({type(outcome).__name__ for outcome in outcomes}))
