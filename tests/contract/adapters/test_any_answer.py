"""Whatever JSON a provider answers, with whatever status: an outcome comes of it, and nothing of its words."""

import asyncio
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from infra.adapters import CASES, command
from infra.documents import CANARY, repeats
from infra.providers.scripted import Answer, Direct

from sendto.sdk import LookupFailed, Operation, RemoteRef
from sendto.sdk.adapter import FetchingAdapter

MEMBERS = [
    "code",
    "data",
    "delivery_status",
    "detail",
    "errors",
    "external_delivery_id",
    "field",
    "field_errors",
    "id",
    "Id",
    "message",
    "meta",
    "order_id",
    "pointer",
    "reason",
    "recipient",
    "results",
    "source",
    "Status",
    "stop",
    "stops",
    "unassignedStops",
]
STATUSES = st.sampled_from([200, 201, 202, 204, 400, 403, 404, 405, 409, 410, 422]) | st.integers(200, 599)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(CANARY) | st.just("51342"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)
REMOTES = {"sendcloud": "669", "spoke": "unassignedStops/stop1"}


@pytest.mark.parametrize("name", CASES)
def test_any_answer_comes_to_an_outcome(name: str) -> None:
    case = CASES[name]
    adapter = case.adapter()
    remote = REMOTES.get(name, "51342")

    @settings(max_examples=150, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
    @given(st.sampled_from(list(Operation)), st.lists(st.builds(Answer, STATUSES, ANYTHING), min_size=1, max_size=4))
    def comes_to_an_outcome(operation: Operation, answers: list[Answer]) -> None:
        provider = case.provider()
        provider.next.extend(answers)
        outcome = asyncio.run(adapter.apply(command(operation, remote=remote), Direct(provider)))
        assert not repeats(outcome), outcome

    comes_to_an_outcome()


@pytest.mark.parametrize("name", CASES)
def test_any_answer_to_a_question_tells_or_says_that_it_does_not(name: str) -> None:
    case = CASES[name]
    adapter = case.adapter()
    assert isinstance(adapter, FetchingAdapter)

    @settings(max_examples=100, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
    @given(st.lists(st.builds(Answer, STATUSES, ANYTHING), min_size=8, max_size=8))
    def tells_or_says(answers: list[Answer]) -> None:
        provider = case.provider()
        provider.next.extend(answers)
        asyncio.run(_ask(adapter, Direct(provider), RemoteRef(REMOTES.get(name, "51342"))))

    tells_or_says()


async def _ask(adapter: FetchingAdapter, http: Direct, remote: RemoteRef) -> None:
    said: list[object] = []
    for question in (adapter.find("51342", http), adapter.fetch(remote, http)):
        try:
            await question
        except LookupFailed as failure:
            said.append(failure.outcome)
    said.append(await adapter.check(http))
    assert not any(map(repeats, said)), said
