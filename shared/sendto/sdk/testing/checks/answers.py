"""Every answer that a provider, or whatever stands before it, can give comes to the right kind of outcome."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from sendto.sdk.commands import Command, Operation
from sendto.sdk.outcomes import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Outcome,
    RateLimited,
    Transient,
    Unauthorized,
)
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.client import MAX_BODY_BYTES
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.messages import Answer, Instead
from sendto.sdk.testing.people import SERINUS
from sendto.sdk.testing.provider import always, since
from sendto.sdk.testing.stage import Stage
from sendto.sdk.waits import RETRY_AFTER_MAX_S

_OK, _REDIRECT, _CLIENT, _SERVER, _END = 200, 300, 400, 500, 600
_TELLING = (
    200,
    201,
    202,
    204,
    301,
    302,
    304,
    307,
    400,
    401,
    403,
    404,
    405,
    408,
    409,
    410,
    413,
    415,
    422,
    425,
    429,
    500,
    502,
    503,
    504,
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ELSEWHERE = "/moved/elsewhere"


@check()
async def every_answer_is_an_outcome(stage: Stage) -> None:
    """Every status from 200 to 599, with any body, comes to an outcome that does not contradict it."""
    for operation in _operations(stage):
        command = await _ready(stage, operation)
        for number, status in enumerate(range(_OK, _END)):
            bodies = list(_bodies(status, stage))
            for body in bodies if status in _TELLING else [bodies[number % len(bodies)]]:
                await _answered(stage, command, status, body, first=1)
        for first in range(2, stage.capabilities.requests_of(operation) + 1):
            for status in _TELLING:
                await _answered(stage, command, status, Instead(Answer(status, _echo(stage))), first=first)


@check()
async def a_redirect_is_not_followed(stage: Stage) -> None:
    """No redirect is followed, neither to another place nor to another host; it may pass."""
    for status in (301, 302, 303, 307, 308):
        for place in (stage.provider.url + _ELSEWHERE, "http://elsewhere.example" + _ELSEWHERE):
            for operation in _operations(stage):
                command = await _ready(stage, operation)
                stage.provider.follow(always(Instead(Answer(status, None, {"location": place}))))
                outcome = await stage.apply(command)
                stage.provider.follow(None)
                followed = [received for received in stage.provider.received if received.path == _ELSEWHERE]
                require(not followed, f"a redirect ({status}) was followed")
                require(isinstance(outcome, Transient | Ambiguous), f"a redirect ({status}) came to {outcome}")


@check(lambda case, _: bool(case.refusals))
async def a_refusal_in_a_success_is_no_success(stage: Stage) -> None:
    """Where the provider says no with a status of 2xx, the outcome is no success."""
    for operation in _operations(stage):
        command = await _ready(stage, operation)
        for number in range(1, stage.capabilities.requests_of(operation) + 1):
            for answer in stage.case.refusals:
                stage.provider.follow(since(number, Instead(answer)))
                outcome = await stage.apply(command)
                stage.provider.follow(None)
                require(
                    not isinstance(outcome, Applied | Accepted) or not stage.provider.received,
                    f"{operation}: {answer.status} with a body that says no came to {outcome}",
                )


@check()
async def retry_after_is_understood(stage: Stage) -> None:
    """`Retry-After` in seconds or as a date is kept to, a negative, vast or senseless one is not believed."""
    command = await _ready(stage, Operation.CREATE)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    expected = [("7", 7.0, 7.0), (soon, 1.0, 31.0), ("-5", 0.0, 0.0), (past, 0.0, 0.0), ("soon", 0.0, 0.0)]
    expected += [
        ("999999999", 0.0, RETRY_AFTER_MAX_S),
        ("Wed, 99 Nov", 0.0, 0.0),
        ("nan", 0.0, 0.0),
        ("inf", 0.0, RETRY_AFTER_MAX_S),
    ]
    for status in (429, 503):
        for value, least, most in expected:
            stage.provider.follow(always(Instead(Answer(status, None, {"retry-after": value}))))
            outcome = await stage.apply(command)
            kind = RateLimited if status == 429 else Transient | RateLimited
            require(isinstance(outcome, kind), f"{status} came to {outcome}")
            wait_s = getattr(outcome, "retry_after_s", None) or 0.0
            require(
                least <= wait_s <= most,
                f"{status} with Retry-After: {value} came to a wait of {wait_s} s, not {least:g} to {most:g}; "
                "sendto.sdk.retry_after reads it",
            )


def _operations(stage: Stage) -> Iterator[Operation]:
    can = stage.capabilities
    yield Operation.CREATE
    if can.supports_update or can.upsert:
        yield Operation.UPDATE
    if can.supports_delete:
        yield Operation.DELETE


async def _ready(stage: Stage, operation: Operation) -> Command:
    """A command of this operation that a well provider would carry out."""
    if operation is Operation.CREATE:
        return stage.command(operation, stage.new_reference())
    lane = await Lane.new(stage).create()
    return stage.command(operation, lane.reference, SERINUS, remote=lane.remote, generation=2)


def _bodies(status: int, stage: Stage) -> Iterator[Instead]:
    """Nothing, a page of some proxy, JSON that breaks off, JSON that repeats what was sent; for some, too much."""
    yield Instead(Answer(status))
    yield Instead(Answer(status, b"<html><body><h1>Oops</h1></body></html>", {"content-type": "text/html"}))
    yield Instead(Answer(status, b'{"id": 1, "errors": [{"mess', {"content-type": "application/json"}))
    yield Instead(Answer(status, _echo(stage)))
    if status in {200, 201, 400, 422, 500}:
        yield Instead(Answer(status, b'{"id": "' + b"x" * MAX_BODY_BYTES + b'"}', {"content-type": "application/json"}))
        yield Instead(Answer(status, b'{"id": 1', {"content-type": "application/json"}), announced=1000)
        yield Instead(Answer(status, [[[]]]))
        yield Instead(Answer(status, b"\xff\xfe\x00", {"content-type": "application/json"}))


def _echo(stage: Stage) -> dict[str, object]:
    """An error that repeats what was sent, as providers do."""
    last = stage.provider.received[-1].body.decode(errors="replace") if stage.provider.received else ""
    return {"message": f"invalid: {last}", "errors": [{"field": "name", "value": last}], "error": {"message": last}}


async def _answered(stage: Stage, command: Command, status: int, fault: Instead, *, first: int) -> None:
    """Every request from the `first` on gets this answer."""
    stage.provider.follow(since(first, fault))
    http = stage.http()
    outcome = await stage.apply(command, http)
    stage.provider.follow(None)
    if status not in http.answers:
        return  # the adapter did not come so far
    only = all(answer == status for answer in http.answers)
    changing = [one.method for one, answer in zip(http.requests, http.answers, strict=False) if one.method not in _SAFE]
    where = f"{command.operation}, request {first} answered {status}"
    _agrees(where, command.operation, status, outcome, only=only, changed=bool(changing))


def _agrees(where: str, operation: Operation, status: int, outcome: Outcome, *, only: bool, changed: bool) -> None:
    came_to = f"{where}: it came to {outcome}"
    if status < _REDIRECT:
        return
    require(not only or not isinstance(outcome, Applied | Accepted), f"{came_to}, and no answer was a success")
    if status < _CLIENT:
        require(isinstance(outcome, Transient | Ambiguous), f"{came_to}; a redirect may pass")
    elif status == 429:
        require(isinstance(outcome, RateLimited), f"{came_to}; return RateLimited: nothing was done, and it passes")
    elif status in {401, 403}:
        require(
            isinstance(outcome, Unauthorized | RateLimited | Transient),
            f"{came_to}; return Unauthorized, then check() decides what is at fault",
        )
    elif status >= _SERVER or status in {408, 425}:
        require(isinstance(outcome, Transient | Ambiguous | RateLimited), f"{came_to}; it may pass: do not give up")
        certain = isinstance(outcome, RateLimited) or (isinstance(outcome, Transient) and outcome.nothing_done)
        require(
            not (certain and changed and status not in {503, 425}),
            f"{came_to}, as if nothing had been done: after {status} nobody knows",
        )
    elif only and status in {404, 405} and operation is Operation.CREATE:
        require(isinstance(outcome, Transient | Ambiguous), f"{came_to}; a misdeployed provider must kill no lane")
    if isinstance(outcome, AlreadyAbsent):
        require(
            operation is not Operation.CREATE and _CLIENT <= status < _SERVER,
            f"{came_to}, and nothing says that the provider holds nothing",
        )
