"""All requests of a call, found out without sending one: the adapter is called, and answered with examples.

An adapter that may make several requests for a command says what its provider answers on the way (`example_answer`).
It is called twice, with other ids in the answers: what differs then comes from an answer, and is marked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from sendto.sdk.adapter import Adapter, FetchingAdapter, LookupFailed
from sendto.sdk.commands import Command
from sendto.sdk.comparison import marked
from sendto.sdk.http import Http, HttpFailure, HttpRequest, HttpResponse, NotSent
from sendto.sdk.outcomes import Outcome, RemoteRef

FROM_ANSWER = "<from the answer>"
"""stands in a request for what an earlier answer brings"""
_NUMBERS = (1, 2)
_MOST_REQUESTS = 10
_PATIENCE_S = 5.0
"""an adapter that waits is not waited for"""


@runtime_checkable
class ExampleAnswers(Protocol):
    """What an adapter has besides if a command may take it several requests."""

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """The provider's answer to a request on the way of a command, in the form of its documentation (pure).

        The provider holds nothing before a create, and the order's one object otherwise. The ids that it gave are made
        of the number, so that they differ from one rehearsal to the next.
        """


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a call would send, and what came of it with the example answers; None: it did not come to its end."""

    requests: list[HttpRequest]
    outcome: Outcome | None = None


Call = Callable[[Adapter, Http], Awaitable[Outcome | None]]


async def rehearse(make: Callable[[], Adapter], command: Command) -> Rehearsal:
    """Every request that `apply` makes for a command, in order; the first one, where the adapter has no examples.

    Args:
        make: makes the adapter anew, so that what it learns from examples (a token) is never taken for real.
        command: what to carry out.

    Raises:
        Exception: whatever a broken adapter raises.
    """
    adapter = make()
    if not isinstance(adapter, ExampleAnswers):
        return Rehearsal([adapter.translate(command)])
    return await _rehearsed(make, command, lambda one, http: one.apply(command, http))


async def rehearse_look_up(make: Callable[[], Adapter], command: Command) -> Rehearsal:
    """The look-up of a reference, and the update or delete that is sent if it finds the object.

    Raises:
        Exception: whatever a broken adapter raises.
    """

    async def look_up_and_apply(adapter: Adapter, http: Http) -> Outcome | None:
        remote = await adapter.find(command.reference, http)
        return None if remote is None else await adapter.apply(replace(command, remote=remote), http)

    return await _rehearsed(make, replace(command, remote=None), look_up_and_apply)


async def rehearse_reading(make: Callable[[], Adapter], command: Command, remote: RemoteRef) -> Rehearsal:
    """The first request that reads back what the provider holds.

    Raises:
        Exception: whatever a broken adapter raises.
    """

    async def read(adapter: Adapter, http: Http) -> None:
        if isinstance(adapter, FetchingAdapter):
            await adapter.fetch(remote, _First(http))

    return await _rehearsed(make, command, read)


async def _rehearsed(make: Callable[[], Adapter], command: Command, call: Call) -> Rehearsal:
    """Rehearse twice. No first request depends on an answer; one that the other time lacks is taken as it is."""
    one, other = [await _once(make(), command, number, call) for number in _NUMBERS]
    pairs = zip(one.requests, [*other.requests, *[None] * len(one.requests)], strict=False)
    return replace(
        one,
        requests=[
            request if twin is None or not place else marked(request, twin, FROM_ANSWER)
            for place, (request, twin) in enumerate(pairs)
        ],
    )


async def _once(adapter: Adapter, command: Command, number: int, call: Call) -> Rehearsal:
    http = _Recording(adapter, command, number)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return Rehearsal(http.requests, await call(adapter, http))
    except (HttpFailure, LookupFailed, TimeoutError):
        return Rehearsal(http.requests)


class _Recording:
    """A client that sends nothing: it keeps each request, and answers with an example if there is one."""

    def __init__(self, adapter: Adapter, command: Command, number: int) -> None:
        self._adapter = adapter
        self._command = command
        self._number = number
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Keep one request."""
        if len(self.requests) >= _MOST_REQUESTS:
            raise NotSent("rehearsal_too_long")
        self.requests.append(request)
        if not isinstance(self._adapter, ExampleAnswers):
            raise NotSent("no_example_answer")
        return self._adapter.example_answer(self._command, request, self._number)


class _First:
    """A client whose first request is the last one."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send it, and answer nothing."""
        await self._http.send(request)
        raise NotSent("rehearsed")
