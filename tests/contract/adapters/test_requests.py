"""Every request that an adapter can send is as its provider's own document wants it, whoever the customer is.

The requests are those of whole commands against a provider that holds what it is sent, so that second and third ones
(a change after a look-up, a POST after a PUT that found nothing) are seen too; the provider's answers are held against
the document as well.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from infra.adapters import CASES, Case, command
from infra.documents import Document, document
from infra.providers.scripted import Direct, Scripted
from infra.strategies import at_the_bounds, commands

from sendto.sdk import (
    Applied,
    BatchAdapter,
    Command,
    FetchingAdapter,
    HttpRequest,
    HttpResponse,
    LookupFailed,
    Operation,
    RemoteRef,
)

# Spoke's document writes a hyphen into its patterns in a way that Python will read differently one day.
pytestmark = pytest.mark.filterwarnings("ignore:Possible set difference:FutureWarning")

# The same examples in every run. Shrinking would take minutes.
FEW = settings(max_examples=40, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
MANY = settings(max_examples=2_000, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
REMOTES = {
    "sendcloud": st.integers(1, 2**40).map(str),
    "karrio": st.from_regex(r"\Aadr_[0-9a-f]{32}\Z"),
    "spoke": st.from_regex(r"\A(unassignedStops|plans/[a-zA-Z0-9_-]{1,50}/stops)/[a-zA-Z0-9_-]{1,50}\Z"),
    "trackpod": st.just("51342"),
}
DOCUMENTED = [name for name, case in CASES.items() if case.document]
NOT_IN_DOCUMENT = {
    # Karrio's document leaves out the 404 of these two; the server answers it.
    ("karrio", "GET", 404),
}


class Watched(Direct):
    """Reaches a scripted provider, and holds requests and answers against its document."""

    def __init__(self, provider: Scripted, described: Document, case: str) -> None:
        super().__init__(provider)
        self._described = described
        self._case = case
        self.complaints: list[str] = []
        self.count = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request."""
        self.count += 1
        self._note(request, self._described.complaint(request))
        response = await super().send(request)
        if response.body and (self._case, request.method, response.status) not in NOT_IN_DOCUMENT:
            self._note(request, self._described.complaint_about_answer(request, response))
        return response

    def _note(self, request: HttpRequest, complaint: str | None) -> None:
        if complaint is not None:
            self.complaints.append(f"{request.method} {request.url}: {complaint}")


def _watched(case: Case) -> Watched:
    assert case.document is not None
    return Watched(case.provider(), document(case.document, case.host), case.name)


async def _all(watched: Watched, *calls: Awaitable[object]) -> None:
    for call in calls:
        with suppress(LookupFailed):
            await call
    assert watched.complaints == []


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("operation", list(Operation))
def test_whatever_is_sent_is_as_the_document_wants_it(name: str, operation: Operation) -> None:
    _send(name, operation, FEW)


@pytest.mark.large
@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("operation", list(Operation))
def test_whoever_the_customer_is_it_is_as_the_document_wants_it(name: str, operation: Operation) -> None:
    _send(name, operation, MANY)


def _send(name: str, operation: Operation, how_many: settings) -> None:
    case = CASES[name]
    adapter = case.adapter()
    document(str(case.document), case.host)  # a missing document ends the test here, not one of its examples

    def sends_what_is_wanted(given_command: Command) -> None:
        asyncio.run(_all(watched := _watched(case), adapter.apply(given_command, watched)))

    for extreme in at_the_bounds(operation):
        sends_what_is_wanted(extreme)
    how_many(given(commands(operation, REMOTES[name]))(sends_what_is_wanted))()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_life_of_an_order_is_as_the_document_wants_it(name: str) -> None:
    """Create, change, find, read and delete, with and without the provider's id; check."""
    case = CASES[name]
    adapter = case.adapter()
    assert isinstance(adapter, FetchingAdapter)

    async def live() -> None:
        watched = _watched(case)
        created = await adapter.apply(command(Operation.CREATE), watched)
        remote = created.remote  # type: ignore[union-attr]  # it was applied or accepted
        assert isinstance(remote, RemoteRef)
        await _all(
            watched,
            adapter.check(watched),
            adapter.find("51342", watched),
            adapter.find("51343", watched),
            adapter.fetch(remote, watched),
            adapter.apply(command(Operation.UPDATE, remote=remote.value, last_name=""), watched),
            adapter.apply(command(Operation.UPDATE, email=None, mobile_e164=None), watched),
            adapter.apply(command(Operation.DELETE), watched),
            adapter.apply(command(Operation.DELETE, remote=remote.value), watched),
            adapter.fetch(remote, watched),
        )
        assert watched.count > 9

    asyncio.run(live())


@FEW
@given(st.lists(commands(Operation.CREATE, st.nothing()), min_size=2, max_size=6, unique_by=lambda one: one.reference))
def _batches_are_as_the_document_wants_them(many: list[Command]) -> None:
    case = CASES["sendcloud"]
    adapter = case.adapter()
    assert isinstance(adapter, BatchAdapter)
    watched = _watched(case)
    asyncio.run(_all(watched, adapter.apply_many(many, watched)))
    assert watched.count <= 1


def test_a_batch_is_one_request_as_the_document_wants_it() -> None:
    document(str(CASES["sendcloud"].document), CASES["sendcloud"].host)
    _batches_are_as_the_document_wants_them()


def test_the_person_in_an_order_is_overwritten_as_the_document_wants_it() -> None:
    async def live() -> None:
        watched = _watched(CASES["sendcloud"])
        adapter = CASES["sendcloud"].adapter(on_delete="anonymise")
        await adapter.apply(command(Operation.CREATE), watched)
        outcome = await adapter.apply(command(Operation.DELETE), watched)
        assert outcome == Applied()
        await _all(watched)

    asyncio.run(live())


def test_karrio_knows_the_countries_that_we_think_it_does() -> None:
    from sendto_dispatcher.adapters.karrio.countries import COUNTRIES

    case = CASES["karrio"]
    described = document(str(case.document), case.host).component("AddressData")
    assert frozenset(described["properties"]["country_code"]["enum"]) == COUNTRIES
