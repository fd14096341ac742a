"""Every answer that a provider documents for what we ask of it is understood, and none of its words are repeated.

The answers are the examples of the provider's own document, and one that is made from its schema with a canary in every
text. The tables name what each status must come to; a status that the document has and the table has not fails.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from infra.adapters import CASES, Case, command
from infra.documents import document, repeats
from infra.providers.scripted import Answer, Direct

from sendto.sdk import (
    Accepted,
    Adapter,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    FetchingAdapter,
    LookupFailed,
    Operation,
    RateLimited,
    Rejected,
    RemoteRef,
    RemoteState,
    Transient,
    Unauthorized,
)

Kinds = type | tuple[type, ...]
Call = Callable[[Adapter, Direct], Awaitable[object]]
NOTHING = type(None)
REMOTES = {
    "sendcloud": "669",
    "karrio": "adr_0123456789abcdef0123456789abcdef",
    "spoke": "unassignedStops/stop1",
    "trackpod": "51342",
}


async def _create(adapter: Adapter, http: Direct) -> object:
    return await adapter.apply(command(Operation.CREATE), http)


async def _update(adapter: Adapter, http: Direct) -> object:
    return await adapter.apply(command(Operation.UPDATE, remote=REMOTES[adapter.name]), http)


async def _delete(adapter: Adapter, http: Direct) -> object:
    return await adapter.apply(command(Operation.DELETE, remote=REMOTES[adapter.name]), http)


async def _anonymise(_: Adapter, http: Direct) -> object:
    return await CASES["sendcloud"].adapter(on_delete="anonymise").apply(command(Operation.DELETE), http)


async def _find(adapter: Adapter, http: Direct) -> object:
    return await adapter.find("51342", http)


async def _fetch(adapter: Adapter, http: Direct) -> object:
    assert isinstance(adapter, FetchingAdapter)
    return await adapter.fetch(RemoteRef(REMOTES[adapter.name]), http)


# Of each operation: how many requests come before it, what makes it, and what each documented status must come to.
DOCUMENTED: dict[tuple[str, str, str], tuple[int, Call, dict[int, Kinds]]] = {
    ("sendcloud", "post", "/orders"): (
        0,
        _create,
        # 201: the examples name other orders than ours. 400: busy, our integration, our order.
        {201: Transient, 400: (Transient, Unauthorized, Rejected)},
    ),
    ("sendcloud", "get", "/orders"): (0, _find, {200: NOTHING, 400: Unauthorized, 404: Transient}),
    ("sendcloud", "patch", "/orders/{id}"): (1, _anonymise, {200: Applied, 400: Rejected, 404: AlreadyAbsent}),
    ("sendcloud", "get", "/orders/{id}"): (0, _fetch, {200: RemoteState, 404: NOTHING}),
    ("sendcloud", "delete", "/orders/{id}"): (1, _delete, {204: Applied, 404: AlreadyAbsent}),
    ("karrio", "post", "/v1/addresses"): (0, _create, {201: Applied, 400: Rejected, 500: Ambiguous}),
    ("karrio", "get", "/v1/addresses"): (0, _find, {200: Rejected, 404: Transient, 500: Transient}),
    ("karrio", "get", "/v1/addresses/{id}"): (0, _fetch, {200: Transient, 400: Rejected, 500: Transient}),
    ("karrio", "patch", "/v1/addresses/{id}"): (
        0,
        _update,
        {200: Applied, 400: Rejected, 404: AlreadyAbsent, 409: Rejected, 500: Transient},
    ),
    ("karrio", "delete", "/v1/addresses/{id}"): (
        0,
        _delete,
        {200: Applied, 404: AlreadyAbsent, 409: Rejected, 500: Transient},
    ),
    ("spoke", "get", "/unassignedStops"): (
        0,
        _find,
        {200: NOTHING, 400: Rejected, 401: Unauthorized, 500: Transient},
    ),
    ("spoke", "post", "/unassignedStops"): (
        0,
        _create,
        {
            200: Ambiguous,
            400: Rejected,
            401: Unauthorized,
            403: Rejected,
            404: Transient,
            422: Rejected,
            500: Ambiguous,
        },
    ),
    ("spoke", "get", "/unassignedStops/{unassignedStopId}"): (
        0,
        _fetch,
        {200: Transient, 400: Rejected, 401: Unauthorized, 404: NOTHING, 500: Transient},
    ),
    ("spoke", "patch", "/unassignedStops/{unassignedStopId}"): (
        0,
        _update,
        {200: Transient, 400: Rejected, 401: Unauthorized, 403: Rejected, 404: AlreadyAbsent, 500: Transient},
    ),
    ("spoke", "delete", "/unassignedStops/{unassignedStopId}"): (
        0,
        _delete,
        {204: Applied, 400: Rejected, 401: Unauthorized, 404: AlreadyAbsent, 500: Transient},
    ),
    ("trackpod", "put", "/Order"): (
        0,
        _update,
        {
            202: (Accepted, Transient),
            400: Rejected,
            401: Unauthorized,
            404: Applied,
            405: Rejected,
            410: Applied,
            415: Rejected,
            429: RateLimited,
            500: Transient,
        },
    ),
    ("trackpod", "post", "/Order"): (
        1,
        _create,
        {201: Applied, 400: Rejected, 401: Unauthorized, 415: Rejected, 429: RateLimited, 500: Transient},
    ),
    ("trackpod", "get", "/Order/Id/{id}"): (
        0,
        _fetch,
        {200: Transient, 401: Unauthorized, 404: NOTHING, 410: NOTHING, 429: RateLimited, 500: Transient},
    ),
    ("trackpod", "delete", "/Order/Id/{id}"): (
        0,
        _delete,
        {200: Applied, 400: Rejected, 401: Unauthorized, 404: AlreadyAbsent, 429: RateLimited, 500: Transient},
    ),
}


@pytest.mark.parametrize("operation", DOCUMENTED, ids=" ".join)
def test_every_documented_answer_is_understood(operation: tuple[str, str, str]) -> None:
    name, method, path = operation
    before, call, expected = DOCUMENTED[operation]
    case = CASES[name]
    described = document(str(case.document), case.host)

    assert described.statuses(method, path) == set(expected)
    for status, kinds in expected.items():
        for body in described.bodies(method, path, status):
            said = asyncio.run(_said(case, before, call, Answer(status, body)))
            assert isinstance(said, kinds), (status, body, said)
            assert not repeats(said), (status, said)


async def _said(case: Case, before: int, call: Call, answer: Answer) -> object:
    """What the call comes to when the answer is given to one of its requests, after so many that are as usual."""
    provider = case.provider()
    adapter, http = case.adapter(), Direct(provider)
    if call in {_delete, _anonymise} and before:
        await _create(adapter, http)
    provider.next.extend([*[None] * before, answer])
    try:
        return await call(adapter, http)
    except LookupFailed as failure:
        return failure.outcome
