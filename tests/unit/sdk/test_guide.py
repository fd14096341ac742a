"""The guide for authors names everything that an adapter may say and do."""

from dataclasses import fields
from importlib import resources
from typing import get_args

import pytest

from sendto.sdk import Adapter, BatchAdapter, Capabilities, FetchingAdapter, Idempotency, Outcome
from sendto.sdk.rehearsal import ExampleAnswers

GUIDE = (resources.files("sendto.sdk") / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("outcome", [kind.__name__ for kind in get_args(Outcome)])
def test_it_names_every_outcome(outcome: str) -> None:
    assert f"`{outcome}(" in GUIDE


@pytest.mark.parametrize("capability", [one.name for one in fields(Capabilities)])
def test_it_names_every_capability(capability: str) -> None:
    assert f"`{capability}`" in GUIDE


@pytest.mark.parametrize("idempotency", list(Idempotency))
def test_it_names_every_kind_of_idempotency(idempotency: Idempotency) -> None:
    assert f"`{idempotency.name}`" in GUIDE


@pytest.mark.parametrize("protocol", [Adapter, BatchAdapter, FetchingAdapter, ExampleAnswers])
def test_it_names_every_member(protocol: type) -> None:
    members = {name for name in vars(protocol) if not name.startswith("_")} | set(
        vars(protocol).get("__annotations__", ())
    )
    assert not [name for name in members if f"`{name}" not in GUIDE]
