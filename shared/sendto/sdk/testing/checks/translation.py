"""Translation is pure: the core compares content, and people read a plan, without the provider."""

import json
from typing import Any

from sendto.sdk.commands import Command, Operation
from sendto.sdk.outcomes import Accepted, Applied
from sendto.sdk.rehearsal import ExampleAnswers, rehearse
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.people import CANARIA, SERINUS
from sendto.sdk.testing.stage import Stage


@check()
async def content_is_pure(stage: Stage) -> None:
    """`content` is plain JSON, the same for the same state, whatever the attempt, and another for another customer."""
    reference = stage.new_reference()
    create = stage.command(Operation.CREATE, reference)
    again = stage.command(Operation.UPDATE, reference, generation=7, attempt=3, deadline_s=1.0)
    content = _content(stage, create)
    require(content == _content(stage, create), "content differs from one call to the next")
    require(
        content == _content(stage, again),
        "content depends on more than customer and order (operation, generation, attempt …): "
        "an update that changes nothing would be sent for ever",
    )
    require(
        content != _content(stage, stage.command(Operation.UPDATE, reference, SERINUS)),
        "content is the same for another customer: the core would never send a change",
    )
    require(not stage.provider.received, "content made a request")


@check()
async def content_fits_the_provider(stage: Stage) -> None:
    """`content` keeps to `max_lengths`."""
    for name, most in stage.capabilities.max_lengths.items():
        long = CANARIA.model_copy(
            update={"first_name": "L" * 100, "last_name": "M" * 100, "email": f"{'n' * 200}@kit.example"}
        )
        content = _content(stage, stage.command(Operation.CREATE, stage.new_reference(), long))
        value = _at(content, name)
        require(
            value is None or len(str(value)) <= most,
            f"content.{name} has {len(str(value))} characters, max_lengths allows {most}",
        )


@check()
async def translate_is_what_is_sent(stage: Stage) -> None:
    """`translate` gives a request that `apply` then makes, without making it."""
    for operation, customer in _operations(stage):
        lane = await Lane.new(stage).create()
        command = stage.command(operation, lane.reference, customer, remote=lane.remote, generation=2)
        if operation is Operation.CREATE:
            command = stage.command(operation, stage.new_reference(), customer)
        before = len(stage.provider.received)
        try:
            request = stage.adapter.translate(command)
        except Exception as error:  # noqa: BLE001 - that is the point
            breach(f"translate({operation}) raised {type(error).__name__}")
        require(len(stage.provider.received) == before, "translate made a request")
        http = stage.http()
        await stage.apply(command, http)
        made = [(one.method, one.url) for one in http.requests]
        require(
            (request.method, request.url) in made,
            f"translate({operation}) gives a {request.method} that apply does not make",
        )


@check(lambda _, can: any(can.requests_of(operation) > 1 for operation in Operation))
async def all_requests_can_be_shown(stage: Stage) -> None:
    """If a command may take several requests, `example_answer` leads through them to its end, and nothing is sent."""
    require(
        isinstance(stage.adapter, ExampleAnswers),
        "capabilities.requests allow several requests: give it example_answer, so that a plan can show them all",
    )
    for operation, customer in _operations(stage):
        lane = await Lane.new(stage).create()
        for remote in {None, None if operation is Operation.CREATE else lane.remote}:
            await _shows_all(stage, stage.command(operation, lane.reference, customer, remote=remote, generation=2))


async def _shows_all(stage: Stage, command: Command) -> None:
    before = len(stage.provider.received)
    try:
        rehearsal = await rehearse(stage.new_adapter, command)
    except Exception as error:  # noqa: BLE001 - that is the point
        breach(f"the rehearsal of {command.operation} raised {type(error).__name__}")
    require(len(stage.provider.received) == before, "a rehearsal made a request")
    require(
        isinstance(rehearsal.outcome, Applied | Accepted),
        f"with its example answers {command.operation} comes to {rehearsal.outcome}; the examples must lead to its end",
    )
    require(rehearsal.requests, f"a rehearsal of {command.operation} makes no request")


@check()
async def what_it_cannot_do_makes_no_call(stage: Stage) -> None:
    """An operation that its capabilities deny is Unsupported, without a call."""
    can = stage.capabilities
    denied = [Operation.DELETE] if not can.supports_delete else []
    if not can.supports_update and not can.upsert:
        denied.append(Operation.UPDATE)
    for operation in denied:
        lane = await Lane.new(stage).create()
        http = stage.http()
        outcome = await stage.apply(stage.command(operation, lane.reference, remote=lane.remote, generation=2), http)
        require(
            type(outcome).__name__ == "Unsupported" and not http.requests,
            f"capabilities deny {operation}, and apply came to {outcome} with {len(http.requests)} requests; "
            "return Unsupported and send nothing",
        )


def _operations(stage: Stage) -> list[tuple[Operation, Any]]:
    can = stage.capabilities
    found: list[tuple[Operation, Any]] = [(Operation.CREATE, CANARIA)]
    if can.supports_update or can.upsert:
        found.append((Operation.UPDATE, SERINUS))
    if can.supports_delete:
        found.append((Operation.DELETE, None))
    return found


def _content(stage: Stage, command: Command) -> Any:  # noqa: ANN401 - plain JSON
    try:
        content = stage.adapter.content(command)
        return json.loads(json.dumps(content, allow_nan=False))
    except Exception as error:  # noqa: BLE001 - that is the point
        breach(f"content raised {type(error).__name__}, or gave what is no plain JSON")


def _at(content: Any, name: str) -> Any:  # noqa: ANN401 - plain JSON
    for part in name.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
